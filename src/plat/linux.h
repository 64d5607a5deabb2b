/* linux.h - constants of the running kernel that the build machine's headers may lack. */
#ifndef TELAR_PLAT_LINUX_H
#define TELAR_PLAT_LINUX_H
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL \
	102 /* Linux 6.13: a fault for every touch, without a mapping of its own */
#endif
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449 /* Linux 5.16 */
#endif
#ifndef FUTEX_32
#define FUTEX_32 2
#endif
/* Names of ours where the system's are enumerators, which cannot be asked for. */
#define PLAT_URING_FUTEX_WAIT        51       /* IORING_OP_FUTEX_WAIT, Linux 6.7 */
#define PLAT_URING_FUTEX_WAITV       53       /* IORING_OP_FUTEX_WAITV, Linux 6.7 */
#define PLAT_URING_SEND              31       /* IORING_REGISTER_SEND_MSG_RING, Linux 6.13 */
#define PLAT_URING_ACCEPT_POLL_FIRST (1 << 2) /* IORING_ACCEPT_POLL_FIRST, Linux 6.10 */
#define PLAT_PIDFS_MAGIC \
	0x50494446 /* Linux 6.9: a pidfd's inode names one process of this boot \
				     */

#endif
