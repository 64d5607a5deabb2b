/* notice.c - what a student is told, as RFC 5322 mail.
 *
 * The file is made without a name and linked into maildir/new when it is durable, which is what a
 * maildir's tmp is for on systems without unnamed files.  The domains are of RFC 2606: a delivery
 * agent that sends these out puts its own in their place.  Pure but for notice_deliver. */
#include "notice.h"
#include <stdio.h>
#include <time.h>

static void date_text(int64_t ms, char *buf, size_t cap)
{
	/* strftime's names follow the locale, which nobody sets here: they are English. */
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(buf, cap, "%a, %d %b %Y %H:%M:%S +0000", &tm);
}

size_t notice_text(const struct row *row, char *buf, size_t cap)
{
	char date[48];
	int n;

	date_text(row->stored_ms, date, sizeof date);
	n = snprintf(buf, cap,
		"From: Comprobantes <comprobantes@universidad.invalid>\r\n"
		"To: \"%s\"@estudiantes.invalid\r\n"
		"Subject: Comprobante recibido: %s\r\n"
		"Date: %s\r\n"
		"Message-ID: <%s@comprobantes.invalid>\r\n"
		"X-Comprobante: %s\r\n"
		"X-Student: %s\r\n"
		"MIME-Version: 1.0\r\n"
		"Content-Type: text/plain; charset=utf-8\r\n"
		"Content-Transfer-Encoding: 8bit\r\n"
		"\r\n"
		"Hola, %s:\r\n"
		"\r\n"
		"Hemos recibido tu comprobante de pago y hemos guardado una copia.\r\n"
		"\r\n"
		"  N\u00famero:  %s\r\n"
		"  Tipo:    %s\r\n"
		"  Tama\u00f1o:  %llu bytes\r\n"
		"  SHA-256: %s\r\n"
		"\r\n"
		"Guarda este mensaje: es la prueba de tu entrega.\r\n",
		row->student, row->id, date, row->id, row->id, row->student, row->name, row->id,
		types_mime(row->type), (unsigned long long)row->size, row->sha256);
	return n < 0 ? 0 : (size_t)n < cap ? (size_t)n : cap - 1;
}

int notice_deliver(int dir, const struct row *row)
{
	char text[NOTICE_CAP], name[ID_BYTES + 32];
	tl_store *st;
	int r = tl_store_open(&st, dir, TL_NEVER);

	if (r < 0)
		return r;
	snprintf(name, sizeof name, "%s.comprobante", row->id);
	r = tl_store_write(st, text, notice_text(row, text, sizeof text), TL_NEVER);
	if (r == 0)
		r = tl_store_commit(st, name, TL_NEVER);
	tl_store_close(st);
	return r;
}
