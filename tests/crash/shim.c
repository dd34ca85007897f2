/*
 * Stand between a process and its files, for tests only: LD_PRELOAD it.
 *
 * It looks at the calls that change what lies under one folder. It can write each of them down, in
 * the order in which they happened, and it can let the n-th of them fail. Nothing else is touched.
 *
 * A call is written down twice: "E" before it is made, "X" after it returned. Each record goes
 * into the log with one write to a file opened with O_APPEND, so the order of the log is an order
 * in which the calls may be thought to have happened, also between processes.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum fault { NONE = 0, IO_ERROR = 1, NO_SPACE = 2, SHORT = 3, KILL = 4, TORN = 5 };

static char root[PATH_MAX];
static size_t root_length;
static int log_fd = -1;
static int with_data;
static atomic_long counted;
static atomic_int fault_seen;
static long nth;
static int fault;
static long kill_after; /* counted calls after the fault; 0 is never */

static void record(const char *head, int length, const struct iovec *data, int pieces)
{
    struct iovec all[64];
    if (log_fd < 0)
        return;
    if (pieces > 63) { /* joined, so that it is one write */
        size_t size = 0, at = 0;
        for (int i = 0; i < pieces; i++)
            size += data[i].iov_len;
        char *joined = malloc(size + 1);
        if (joined == NULL)
            abort();
        for (int i = 0; i < pieces; i++) {
            memcpy(joined + at, data[i].iov_base, data[i].iov_len);
            at += data[i].iov_len;
        }
        struct iovec one = {joined, size};
        record(head, length, &one, 1);
        free(joined);
        return;
    }
    all[0].iov_base = (void *)head;
    all[0].iov_len = (size_t)length;
    for (int i = 0; i < pieces; i++)
        all[i + 1] = data[i];
    syscall(SYS_writev, log_fd, all, pieces + 1);
}

/* Look at `folder`, log to `log` (or nowhere), and let call number `n` from now on fail. */
void shim_set(const char *folder, const char *log, int data, long n, int kind, long killed_after)
{
    snprintf(root, sizeof root, "%s", folder);
    root_length = strlen(root);
    if (log_fd >= 0)
        syscall(SYS_close, log_fd);
    log_fd = -1;
    if (log != NULL && *log) {
        int made = (int)syscall(SYS_openat, AT_FDCWD, log,
                                O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        log_fd = fcntl(made, F_DUPFD_CLOEXEC, 700); /* out of the way of what it watches */
        syscall(SYS_close, made);
        if (log_fd < 0)
            abort();
    }
    with_data = data;
    nth = n;
    fault = kind;
    kill_after = killed_after;
    atomic_store(&counted, 0);
    atomic_store(&fault_seen, 0);
}

__attribute__((constructor)) static void begin(void)
{
    const char *folder = getenv("SHIM_ROOT");
    if (folder != NULL && *folder)
        shim_set(folder, getenv("SHIM_LOG"), getenv("SHIM_DATA") != NULL, 0, NONE, 0);
}

static int is_ours(const char *path)
{
    size_t length = path != NULL ? strlen(path) : 0;
    if (length > 4 && strcmp(path + length - 4, "-shm") == 0)
        return 0; /* SQLite's shared memory: nothing of it is to outlive the process */
    return root_length > 0 && path != NULL && strncmp(path, root, root_length) == 0 &&
           (path[root_length] == '/' || path[root_length] == 0);
}

static int of_fd(int fd, char *path)
{
    char link[64];
    if (root_length == 0)
        return 0;
    if ((fd == 1 || fd == 2) && log_fd >= 0 && with_data) { /* what a person is told */
        strcpy(path, fd == 1 ? "<stdout>" : "<stderr>");
        return 1;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return is_ours(path);
}

static int of_path(int folder, const char *name, char *path)
{
    if (root_length == 0 || name == NULL)
        return 0;
    if (*name == '/' || folder == AT_FDCWD) {
        if (*name != '/')
            return 0;
        snprintf(path, PATH_MAX, "%s", name);
        return is_ours(path);
    }
    if (!of_fd(folder, path))
        return 0;
    size_t length = strlen(path);
    snprintf(path + length, PATH_MAX - length, "/%s", name);
    return 1;
}

struct call {
    const char *what;
    const char *path;
    const char *path2;
    long number; /* flags of an open, length of a truncate, offset of a pwrite */
    const struct iovec *data;
    int pieces;
    size_t size;
    int writes;
};

/* Write the call down, and say which fault it is to suffer. */
static int entering(const struct call *call)
{
    char head[2 * PATH_MAX + 256];
    size_t kept = log_fd >= 0 && with_data ? call->size : 0;
    int length = snprintf(head, sizeof head, "E %d %d %s %ld %zu %zu %s\t%s\n", getpid(), gettid(),
                          call->what, call->number, call->size, kept, call->path,
                          call->path2 != NULL ? call->path2 : "");
    if (call->path[0] == '<') {
        record(head, length, call->data, kept ? call->pieces : 0);
        return NONE;
    }
    long number = atomic_fetch_add(&counted, 1) + 1;
    int suffers = NONE;
    if (nth > 0 && number == nth) {
        suffers = fault;
        atomic_store(&fault_seen, 1);
        char note[PATH_MAX + 128];
        int said = snprintf(note, sizeof note, "F %d %d %s %ld %d 0 %s\t\n", getpid(), gettid(),
                            call->what, number, fault, call->path);
        record(note, said, NULL, 0);
    } else if (nth > 0 && number > nth && fault == SHORT && call->writes) {
        suffers = NO_SPACE; /* a disk that took a part of the last write is full for the next */
    }
    if ((suffers == KILL) ||
        (nth > 0 && kill_after > 0 && number >= nth + kill_after))
        syscall(SYS_kill, 0, SIGKILL);
    if (suffers == TORN && !call->writes)
        syscall(SYS_kill, 0, SIGKILL);
    record(head, length, call->data, kept ? call->pieces : 0);
    return suffers;
}

static void left(const char *what, long result, long position)
{
    char line[160];
    int error = errno;
    int length = snprintf(line, sizeof line, "X %d %d %s %ld %ld 0 %d\t\n", getpid(), gettid(),
                          what, result, position, result < 0 ? error : 0);
    record(line, length, NULL, 0);
    errno = error;
}

static int fails(int suffers)
{
    if (suffers == IO_ERROR)
        errno = EIO;
    else if (suffers == NO_SPACE)
        errno = ENOSPC;
    else
        return 0;
    return 1;
}

static size_t sum(const struct iovec *data, int pieces)
{
    size_t size = 0;
    for (int i = 0; i < pieces; i++)
        size += data[i].iov_len;
    return size;
}

static ssize_t half(int fd, const struct iovec *data, int pieces, off_t offset, int at)
{
    size_t size = sum(data, pieces), wanted = size / 2, taken = 0;
    char *joined = malloc(size + 1);
    if (joined == NULL)
        abort();
    for (int i = 0; i < pieces; i++) {
        memcpy(joined + taken, data[i].iov_base, data[i].iov_len);
        taken += data[i].iov_len;
    }
    ssize_t done = at ? syscall(SYS_pwrite64, fd, joined, wanted, offset)
                      : syscall(SYS_write, fd, joined, wanted);
    free(joined);
    return done;
}

static ssize_t writes(const char *what, int fd, const struct iovec *data, int pieces, off_t offset,
                      int at)
{
    char path[PATH_MAX];
    int ours = of_fd(fd, path), suffers = NONE;
    if (ours) {
        struct call call = {what, path, NULL, (long)offset, data, pieces, sum(data, pieces), 1};
        suffers = entering(&call);
    }
    ssize_t done;
    if (fails(suffers)) {
        done = -1;
    } else if (suffers == SHORT || suffers == TORN) {
        done = half(fd, data, pieces, offset, at);
        if (suffers == TORN)
            syscall(SYS_kill, 0, SIGKILL);
    } else if (at) {
        done = syscall(SYS_pwritev, fd, data, pieces, offset, (off_t)0);
    } else {
        done = syscall(SYS_writev, fd, data, pieces);
    }
    if (ours)
        left(what, done, at ? (long)offset + done : (long)syscall(SYS_lseek, fd, 0, SEEK_CUR));
    return done;
}

ssize_t write(int fd, const void *data, size_t size)
{
    struct iovec one = {(void *)data, size};
    return writes("write", fd, &one, 1, 0, 0);
}

ssize_t writev(int fd, const struct iovec *data, int pieces)
{
    return writes("write", fd, data, pieces, 0, 0);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t offset)
{
    struct iovec one = {(void *)data, size};
    return writes("pwrite", fd, &one, 1, offset, 1);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    return pwrite64(fd, data, size, offset);
}

static int on_fd(const char *what, long call_number, int fd, long argument)
{
    char path[PATH_MAX];
    int ours = of_fd(fd, path), suffers = NONE;
    if (ours && path[0] == '<')
        ours = 0;
    if (ours) {
        struct call call = {what, path, NULL, argument, NULL, 0, 0, 0};
        suffers = entering(&call);
    }
    int done = fails(suffers) ? -1 : (int)syscall(call_number, fd, argument);
    if (ours)
        left(what, done, 0);
    return done;
}

int fsync(int fd)
{
    return on_fd("fsync", SYS_fsync, fd, 0);
}

int fdatasync(int fd)
{
    return on_fd("fsync", SYS_fdatasync, fd, 0);
}

int ftruncate64(int fd, off_t length)
{
    return on_fd("truncate", SYS_ftruncate, fd, (long)length);
}

int ftruncate(int fd, off_t length)
{
    return ftruncate64(fd, length);
}

static int on_path(const char *what, long call_number, int folder, const char *name, int flags,
                   long argument)
{
    char path[PATH_MAX];
    int ours = of_path(folder, name, path), suffers = NONE;
    if (ours) {
        struct call call = {what, path, NULL, flags, NULL, 0, 0, 0};
        suffers = entering(&call);
    }
    int done = fails(suffers) ? -1 : (int)syscall(call_number, folder, name, flags, argument);
    if (ours)
        left(what, done, 0);
    return done;
}

#define OPEN_AT(name)                                                                              \
    int name(int folder, const char *path, int flags, ...)                                         \
    {                                                                                              \
        va_list more;                                                                              \
        va_start(more, flags);                                                                     \
        mode_t mode = va_arg(more, mode_t);                                                        \
        va_end(more);                                                                              \
        return on_path("open", SYS_openat, folder, path, flags, (long)mode);                       \
    }

#define OPEN(name)                                                                                 \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        va_list more;                                                                              \
        va_start(more, flags);                                                                     \
        mode_t mode = va_arg(more, mode_t);                                                        \
        va_end(more);                                                                              \
        return on_path("open", SYS_openat, AT_FDCWD, path, flags, (long)mode);                     \
    }

OPEN_AT(openat)
OPEN_AT(openat64)
OPEN(open)
OPEN(open64)
OPEN(__open_2)
OPEN(__open64_2)

int unlink(const char *path)
{
    return on_path("unlink", SYS_unlinkat, AT_FDCWD, path, 0, 0);
}

int unlinkat(int folder, const char *path, int flags)
{
    return on_path("unlink", SYS_unlinkat, folder, path, flags, 0);
}

int mkdir(const char *path, mode_t mode)
{
    return on_path("mkdir", SYS_mkdirat, AT_FDCWD, path, (int)mode, 0);
}

int mkdirat(int folder, const char *path, mode_t mode)
{
    return on_path("mkdir", SYS_mkdirat, folder, path, (int)mode, 0);
}

int renameat(int from, const char *old, int to, const char *new)
{
    char path[PATH_MAX], path2[PATH_MAX];
    int ours = of_path(from, old, path) && of_path(to, new, path2), suffers = NONE;
    if (ours) {
        struct call call = {"rename", path, path2, 0, NULL, 0, 0, 0};
        suffers = entering(&call);
    }
    int done = fails(suffers) ? -1 : (int)syscall(SYS_renameat2, from, old, to, new, 0);
    if (ours)
        left("rename", done, 0);
    return done;
}

int rename(const char *old, const char *new)
{
    return renameat(AT_FDCWD, old, AT_FDCWD, new);
}
