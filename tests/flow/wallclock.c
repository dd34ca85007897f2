/* Shift what the clock on the wall shows, and with it the clock that counts sleep, for every process
   that has this loaded: a file of one 64-bit number holds by how many nanoseconds. The clock that
   counts from the start of the machine stays, as it does while a machine sleeps. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int (*real)(clockid_t, struct timespec *);
static volatile int64_t *shift;

__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("WALLCLOCK_FILE");
    int file = name ? open(name, O_RDONLY) : -1;
    real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    if (file >= 0) {
        void *place = mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, file, 0);
        shift = place == MAP_FAILED ? NULL : place;
        close(file);
    }
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    int status = real(id, now);
    if (status == 0 && shift && (id == CLOCK_REALTIME || id == CLOCK_BOOTTIME)) {
        int64_t at = (int64_t)now->tv_sec * 1000000000 + now->tv_nsec + *shift;
        now->tv_sec = at / 1000000000;
        now->tv_nsec = at % 1000000000;
    }
    return status;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec at;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &at);
    now->tv_sec = at.tv_sec;
    now->tv_usec = at.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *now)
{
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    if (now)
        *now = at.tv_sec;
    return at.tv_sec;
}
