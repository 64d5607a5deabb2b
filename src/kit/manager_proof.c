/* manager_proof.c - both sides prove that they have the key, and say it to nobody.
 *
 *	server                                  client
 *	"telarM1\n", nonce s                ->
 *	                                    <-  nonce c, client id, HMAC("client", s, c, id)
 *	1, HMAC("server", s, c, id)         ->
 *	or 0, and it hangs up
 *
 * The words keep one side's proof from being sent back as the other's; both nonces keep old proofs
 * from being good again.  The server speaks first but proves last: who has no key learns nothing
 * that could be tried against guesses but by asking again.  Source: RFC 2104, FIPS 180-4; proofs
 * are compared without telling by the time it takes where they differ. */
#include "manager.h"
#include <errno.h>
#include <sys/random.h>

/* Few bytes, so that it gives all or none; a signal may come while it waits for the first ever. */
int proof_random(void *p, size_t n)
{
	ssize_t got;

	do {
		got = getrandom(p, n, 0);
	} while (got < 0 && errno == EINTR);
	return got == (ssize_t)n ? 0 : got < 0 ? -errno : -EIO;
}

#ifdef TELAR_MD
#include <sha2.h>

enum { BLOCK = SHA256_BLOCK_LENGTH };

static const char magic[8] = { 't', 'e', 'l', 'a', 'r', 'M', '1', '\n' };

struct hello {
	char magic[8];
	unsigned char nonce[NONCE];
};
struct claim {
	unsigned char nonce[NONCE], id[CLIENT_ID], mac[MAC];
};
struct verdict {
	unsigned char good, mac[MAC];
};

bool proof_possible(void) { return true; }

static void hmac(const tl_manager *manager, const char *who, const unsigned char *s,
	const struct claim *c, unsigned char ret[MAC])
{
	unsigned char inner[BLOCK], outer[BLOCK], digest[MAC];
	SHA2_CTX ctx;

	_Static_assert((int)KEY_MOST <= (int)BLOCK, "a key is used as it is");
	for (size_t i = 0; i < BLOCK; i++) {
		unsigned char k = i < manager->key_size ? manager->key[i] : 0;

		inner[i] = k ^ 0x36;
		outer[i] = k ^ 0x5c;
	}
	SHA256Init(&ctx);
	SHA256Update(&ctx, inner, sizeof inner);
	SHA256Update(&ctx, (const uint8_t *)who, strlen(who));
	SHA256Update(&ctx, s, NONCE);
	SHA256Update(&ctx, c->nonce, NONCE);
	SHA256Update(&ctx, c->id, CLIENT_ID);
	SHA256Final(digest, &ctx);
	SHA256Init(&ctx);
	SHA256Update(&ctx, outer, sizeof outer);
	SHA256Update(&ctx, digest, sizeof digest);
	SHA256Final(ret, &ctx);
}

static bool same(const unsigned char *a, const unsigned char *b)
{
	unsigned char differ = 0;

	for (size_t i = 0; i < MAC; i++)
		differ |= a[i] ^ b[i];
	return differ == 0;
}

int proof_give(tl_stream *s, const tl_manager *manager, const unsigned char id[CLIENT_ID],
	tl_time deadline)
{
	unsigned char mac[MAC];
	struct hello hello;
	struct claim claim;
	struct verdict verdict;
	int r = tl_read_all(s, &hello, sizeof hello, NULL, deadline);

	if (r < 0)
		return r;
	if (memcmp(hello.magic, magic, sizeof magic) != 0)
		return -EPROTO;
	memcpy(claim.id, id, CLIENT_ID);
	r = proof_random(claim.nonce, sizeof claim.nonce);
	if (r < 0)
		return r;
	hmac(manager, "client", hello.nonce, &claim, claim.mac);
	r = tl_write_all(s, &claim, sizeof claim, NULL, deadline);
	if (r == 0)
		r = tl_read_all(s, &verdict, sizeof verdict, NULL, deadline);
	if (r < 0)
		return r;
	hmac(manager, "server", hello.nonce, &claim, mac);
	return verdict.good && same(mac, verdict.mac) ? 0 : -EPERM;
}

int proof_ask(
	tl_stream *s, const tl_manager *manager, unsigned char ret_id[CLIENT_ID], tl_time deadline)
{
	unsigned char mac[MAC];
	struct hello hello;
	struct claim claim;
	struct verdict verdict = { 0 };
	int r = proof_random(hello.nonce, sizeof hello.nonce);

	memcpy(hello.magic, magic, sizeof magic);
	if (r == 0)
		r = tl_write_all(s, &hello, sizeof hello, NULL, deadline);
	if (r == 0)
		r = tl_read_all(s, &claim, sizeof claim, NULL, deadline);
	if (r < 0)
		return r;
	hmac(manager, "client", hello.nonce, &claim, mac);
	verdict.good = same(mac, claim.mac);
	if (verdict.good)
		hmac(manager, "server", hello.nonce, &claim, verdict.mac);
	r = tl_write_all(s, &verdict, sizeof verdict, NULL, deadline);
	if (r < 0)
		return r;
	memcpy(ret_id, claim.id, CLIENT_ID);
	return verdict.good ? 0 : -EPERM;
}

#else

bool proof_possible(void) { return false; }

int proof_give(tl_stream *s, const tl_manager *manager, const unsigned char id[CLIENT_ID],
	tl_time deadline)
{
	(void)s, (void)manager, (void)id, (void)deadline;
	return -ENOTSUP;
}

int proof_ask(
	tl_stream *s, const tl_manager *manager, unsigned char ret_id[CLIENT_ID], tl_time deadline)
{
	(void)s, (void)manager, (void)ret_id, (void)deadline;
	return -ENOTSUP;
}

#endif
