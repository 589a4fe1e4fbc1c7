/* Counts each durable step of a program and of all that it starts (LD_PRELOAD), in one file that they share, and at the
   N-th ends all of them, or refuses this step and those after it as a full disk does. What the C library writes inside
   itself (a buffered stream's flush) it does not see. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

struct shared {
    volatile int64_t count, at, mode, dead, root;
};
enum { COUNT, KILL, FULL };

static struct shared *now;
static const char *under;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("GESSO_STEPS");
    under = getenv("GESSO_STEPS_UNDER");
    if (!path || !under) return;
    int handle = open(path, O_RDWR | O_CLOEXEC);
    if (handle < 0) return;
    void *found = mmap(0, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, handle, 0);
    close(handle);
    if (found == MAP_FAILED) return;
    now = found;
    /* The first of all is the launcher. */
    __sync_bool_compare_and_swap(&now->root, 0, (int64_t)getpid());
}

/* Is it to be refused? */
static int step(int grows) {
    if (!now) return 0;
    if (now->dead) kill(getpid(), SIGKILL);
    int64_t number = __sync_add_and_fetch(&now->count, 1);
    if (now->mode == KILL && number == now->at) {
        now->dead = 1;
        kill((pid_t)now->root, SIGKILL);
        kill(getpid(), SIGKILL);
    }
    if (now->mode == FULL && number >= now->at && grows) {
        errno = ENOSPC;
        return 1;
    }
    return 0;
}

/* Does it lie in the folder that is watched? A path from the current folder is taken to. */
static int ours(const char *path) {
    if (!now || !path) return 0;
    return path[0] != '/' || !strncmp(path, under, strlen(under));
}

static int ours_at(int folder, const char *path) {
    char link[64], place[PATH_MAX];
    if (!now || !path) return 0;
    if (path[0] == '/' || folder == AT_FDCWD) return ours(path);
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    ssize_t size = readlink(link, place, sizeof place - 1);
    if (size < 0) return 0;
    place[size] = 0;
    return ours(place);
}

static int file(int handle) {
    struct stat found;
    if (!now || fstat(handle, &found) || !S_ISREG(found.st_mode)) return 0;
    return ours_at(handle, "");
}

#define REAL(name) \
    static __typeof__(name) *real; \
    if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static int makes(int folder, const char *path, int flags) { return (flags & O_CREAT) && faccessat(folder, path, F_OK, AT_SYMLINK_NOFOLLOW); }

#define OPENER(name) \
    int name(const char *path, int flags, ...) { \
        REAL(name); \
        mode_t mode = 0; \
        if (flags & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); } \
        if (flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC) && ours(path) && step(makes(AT_FDCWD, path, flags))) return -1; \
        return real(path, flags, mode); \
    }
OPENER(open)
OPENER(open64)

#define OPENER_AT(name) \
    int name(int folder, const char *path, int flags, ...) { \
        REAL(name); \
        mode_t mode = 0; \
        if (flags & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); } \
        if (flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC) && ours_at(folder, path) && step(makes(folder, path, flags))) return -1; \
        return real(folder, path, flags, mode); \
    }
OPENER_AT(openat)
OPENER_AT(openat64)

#define STREAM(name) \
    FILE *name(const char *path, const char *mode) { \
        REAL(name); \
        if (strpbrk(mode, "wa+") && ours(path) && step(1)) return 0; \
        return real(path, mode); \
    }
STREAM(fopen)
STREAM(fopen64)

ssize_t write(int handle, const void *data, size_t size) { REAL(write); return file(handle) && step(1) ? -1 : real(handle, data, size); }
ssize_t pwrite(int handle, const void *data, size_t size, off_t at) { REAL(pwrite); return file(handle) && step(1) ? -1 : real(handle, data, size, at); }
ssize_t pwrite64(int handle, const void *data, size_t size, off64_t at) { REAL(pwrite64); return file(handle) && step(1) ? -1 : real(handle, data, size, at); }
ssize_t writev(int handle, const struct iovec *parts, int count) { REAL(writev); return file(handle) && step(1) ? -1 : real(handle, parts, count); }
ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *where, size_t size, unsigned flags) { REAL(copy_file_range); return file(to) && step(1) ? -1 : real(from, at, to, where, size, flags); }
int fsync(int handle) { REAL(fsync); return file(handle) && step(1) ? -1 : real(handle); }
int fdatasync(int handle) { REAL(fdatasync); return file(handle) && step(1) ? -1 : real(handle); }
int ftruncate(int handle, off_t size) { REAL(ftruncate); return file(handle) && step(0) ? -1 : real(handle, size); }
int ftruncate64(int handle, off64_t size) { REAL(ftruncate64); return file(handle) && step(0) ? -1 : real(handle, size); }
int rename(const char *path, const char *to) { REAL(rename); return ours(to) && step(0) ? -1 : real(path, to); }
int renameat(int folder, const char *path, int above, const char *to) { REAL(renameat); return ours_at(above, to) && step(0) ? -1 : real(folder, path, above, to); }
int renameat2(int folder, const char *path, int above, const char *to, unsigned flags) { REAL(renameat2); return ours_at(above, to) && step(0) ? -1 : real(folder, path, above, to, flags); }
int link(const char *path, const char *to) { REAL(link); return ours(to) && step(1) ? -1 : real(path, to); }
int linkat(int folder, const char *path, int above, const char *to, int flags) { REAL(linkat); return ours_at(above, to) && step(1) ? -1 : real(folder, path, above, to, flags); }
int symlink(const char *path, const char *to) { REAL(symlink); return ours(to) && step(1) ? -1 : real(path, to); }
int symlinkat(const char *path, int above, const char *to) { REAL(symlinkat); return ours_at(above, to) && step(1) ? -1 : real(path, above, to); }
int unlink(const char *path) { REAL(unlink); return ours(path) && step(0) ? -1 : real(path); }
int unlinkat(int folder, const char *path, int flags) { REAL(unlinkat); return ours_at(folder, path) && step(0) ? -1 : real(folder, path, flags); }
int mkdir(const char *path, mode_t mode) { REAL(mkdir); return ours(path) && step(1) ? -1 : real(path, mode); }
int mkdirat(int folder, const char *path, mode_t mode) { REAL(mkdirat); return ours_at(folder, path) && step(1) ? -1 : real(folder, path, mode); }
int rmdir(const char *path) { REAL(rmdir); return ours(path) && step(0) ? -1 : real(path); }

/* A full disk says that it is full. */
static int room(int answer, unsigned long *free_blocks, unsigned long *available) {
    if (now && now->mode == FULL && now->count >= now->at) *free_blocks = *available = 0;
    return answer;
}
int statvfs(const char *path, struct statvfs *found) { REAL(statvfs); int answer = real(path, found); return room(answer, &found->f_bfree, &found->f_bavail); }
int statvfs64(const char *path, struct statvfs64 *found) { REAL(statvfs64); int answer = real(path, found); return room(answer, &found->f_bfree, &found->f_bavail); }
