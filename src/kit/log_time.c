/* log_time.c - the local time of a record, without asking the C library each time: localtime_r
 * takes a lock, which in the child of a fork may be held by a thread that is not there.
 *
 * Zones change their offset at whole quarters of an hour of UTC, so the offset is asked once per
 * quarter and kept in one word: quarter and offset are always those of one answer. */
#include "log.h"

enum { QUARTER = 900, DAY = 86400 };

const char log_months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep",
	"Oct", "Nov", "Dec" };

/* 40 bits of quarter, 1 of summer time, 23 of offset in seconds, from -DAY. */
static _Atomic uint64_t known;

static uint64_t ask(time_t at, uint64_t quarter)
{
	uint64_t word;
	struct tm tm;

	if (!localtime_r(&at, &tm))
		tm = (struct tm){ 0 };
	word = quarter << 24 | (uint64_t)(tm.tm_isdst > 0) << 23 | (uint64_t)(tm.tm_gmtoff + DAY);
	atomic_store_explicit(&known, word, memory_order_relaxed);
	return word;
}

/* The civil date of a day counted from 1970, after Hinnant, "chrono-compatible date algorithms". */
static void date(int64_t day, struct tm *ret)
{
	static const short before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	int64_t z = day + 719468, era = z / 146097, doe = z % 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	int64_t year = yoe + era * 400 + (mp >= 10);
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	ret->tm_mday = (int)(doy - (153 * mp + 2) / 5 + 1);
	ret->tm_mon = (int)(mp < 10 ? mp + 2 : mp - 10);
	ret->tm_year = (int)year - 1900;
	ret->tm_wday = (int)((day + 4) % 7);
	ret->tm_yday = before[ret->tm_mon] + ret->tm_mday - 1 + (leap && ret->tm_mon > 1);
}

void log_local(const struct timespec *at, struct tm *ret, int *ret_offset)
{
	uint64_t quarter = (uint64_t)at->tv_sec / QUARTER;
	uint64_t word = atomic_load_explicit(&known, memory_order_relaxed);
	int64_t local;
	int offset;

	if (word >> 24 != quarter || !word)
		word = ask(at->tv_sec, quarter);
	offset = (int)(word & 0x7fffff) - DAY;
	local = at->tv_sec + offset;
	date(local / DAY, ret);
	ret->tm_hour = (int)(local % DAY / 3600);
	ret->tm_min = (int)(local % 3600 / 60);
	ret->tm_sec = (int)(local % 60);
	ret->tm_isdst = word >> 23 & 1;
	ret->tm_gmtoff = offset;
	ret->tm_zone = tzname[ret->tm_isdst];
	*ret_offset = offset;
}
