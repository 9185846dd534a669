#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "doctor.h"

#define SYNC_US (200 * US_PER_MS)
#define SYNCS_MAX 5000
#define SYNCS_GOOD 200 /* a second; each group commit is one */
#define SPACE_FAIL_BYTES (100 * MIB)
#define SPACE_WARN_BYTES (2048 * MIB)
#define FILES_GOOD (HTTP_CONNECTIONS_MAX + 512)
#define YEAR_2025_US (INT64_C(1735689600) * US_PER_S)
#define YEAR_2100_US (INT64_C(4102444800) * US_PER_S)

/* The data folder, or the nearest folder above it that is there. */
static struct str existing_folder(struct doctor *doctor)
{
    struct str folder;
    if (arena_str(doctor->arena, str_of(doctor->data), &folder, NULL) != ERR_OK)
        return STR(".");
    while (folder.size > 0 && access(folder.data, F_OK) != 0) {
        char *end = (char *)(uintptr_t)folder.data; /* our own copy */
        while (folder.size > 0 && folder.data[folder.size - 1] != '/')
            folder.size--;
        while (folder.size > 1 && folder.data[folder.size - 1] == '/')
            folder.size--;
        end[folder.size] = '\0';
    }
    return folder.size > 0 ? folder : STR(".");
}

/* Syncs of a small write a second; 0 when one failed. */
static double sync_rate(int fd)
{
    char block[4096] = { 0 };
    int64_t begin = clock_monotonic_us(clock_system()), now = begin;
    unsigned count = 0;
    while (now - begin < SYNC_US && count < SYNCS_MAX) {
        if (pwrite(fd, block, sizeof block, (off_t)(count % 64) * (off_t)sizeof block) != sizeof block ||
            fdatasync(fd) != 0)
            return 0;
        count++;
        now = clock_monotonic_us(clock_system());
    }
    return (double)count * 1e6 / (double)(now - begin);
}

static void check_sync(struct doctor *doctor, struct str folder)
{
    struct str path;
    if (arena_printf(doctor->arena, &path, NULL, "%.*s/.tocsin-doctor.XXXXXX", STR_ARG(folder)) != ERR_OK)
        return;
    char *name = (char *)(uintptr_t)path.data; /* mkostemp fills in our own copy */
    int fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0) {
        doctor_add(doctor, FINDING_FAIL, "disk-sync", "give this user the right to write there",
            "nothing can be written to %.*s: %s", STR_ARG(folder), strerror(errno));
        return;
    }
    double rate = sync_rate(fd);
    (void)close(fd); /* only timed */
    (void)unlink(name);
    if (rate == 0)
        doctor_add(doctor, FINDING_FAIL, "disk-sync", "look at the kernel's log and the disk's health",
            "writing to %.*s and syncing failed: %s", STR_ARG(folder), strerror(errno));
    else if (rate < SYNCS_GOOD)
        doctor_add(doctor, FINDING_WARN, "disk-sync", "events wait for the disk; use an SSD or NVMe",
            "%.0f syncs a second", rate);
    else
        doctor_add(
            doctor, FINDING_OK, "disk-sync", NULL, "%.0f syncs a second (%.2f ms each)", rate, 1000 / rate);
}

static void check_space(struct doctor *doctor, struct str folder)
{
    struct statvfs info;
    if (statvfs(folder.data, &info) != 0)
        return;
    uint64_t bytes = (uint64_t)info.f_bavail * info.f_frsize;
    double gib = (double)bytes / (double)(1024 * MIB);
    enum finding_level level = bytes < SPACE_FAIL_BYTES ? FINDING_FAIL
        : bytes < SPACE_WARN_BYTES                      ? FINDING_WARN
                                                        : FINDING_OK;
    doctor_add(doctor, level, "disk-space",
        level == FINDING_OK ? NULL : "make room; a full disk refuses events", "%.1f GiB are free in %.*s",
        gib, STR_ARG(folder));
    if (info.f_files > 0 && info.f_favail < 10000)
        doctor_add(doctor, FINDING_WARN, "inodes", "make room; payloads are files of their own",
            "only %llu files can still be made", (unsigned long long)info.f_favail);
}

static void check_files(struct doctor *doctor)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    if (limit.rlim_cur < FILES_GOOD)
        doctor_add(doctor, FINDING_WARN, "open-files",
            "raise it: ulimit -n 65536, or LimitNOFILE=65536 in the unit",
            "%llu open files are allowed; %d connections need more", (unsigned long long)limit.rlim_cur,
            HTTP_CONNECTIONS_MAX);
    else
        doctor_add(
            doctor, FINDING_OK, "open-files", NULL, "%llu are allowed", (unsigned long long)limit.rlim_cur);
}

static void check_clock(struct doctor *doctor)
{
    struct timex state = { 0 };
    int64_t now = clock_now(clock_system()).us;
    if (now < YEAR_2025_US || now > YEAR_2100_US) {
        doctor_add(doctor, FINDING_FAIL, "clock", "set it, and keep it with chrony or systemd-timesyncd",
            "the clock is wrong: %lld seconds since 1970", (long long)(now / US_PER_S));
        return;
    }
    if (adjtimex(&state) == TIME_ERROR || (state.status & STA_UNSYNC))
        doctor_add(doctor, FINDING_WARN, "clock",
            "run chrony or systemd-timesyncd, on the host if this is a guest",
            "nothing keeps the clock right, as far as this kernel knows");
    else
        doctor_add(doctor, FINDING_OK, "clock", NULL, "kept to %.3f s", (double)state.maxerror / 1e6);
}

static void check_chance(struct doctor *doctor)
{
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, GRND_NONBLOCK) == sizeof bytes)
        doctor_add(doctor, FINDING_OK, "entropy", NULL, "the kernel gives random bytes at once");
    else
        doctor_add(doctor, FINDING_FAIL, "entropy",
            "a guest needs virtio-rng; wait until the machine has started",
            "the kernel has no random bytes yet");
}

/* ---- the port ---- */

static bool parse_address(const char *listen, struct sockaddr_in *ret)
{
    char host[64];
    struct str text = str_of(listen);
    int64_t port;
    size_t at = text.size;
    while (at > 0 && text.data[at - 1] != ':')
        at--;
    if (at < 2 || at > sizeof host || !str_to_int(str_slice(text, at, text.size), &port) || port < 0 ||
        port > 65535)
        return false;
    snprintf(host, sizeof host, "%.*s", (int)(at - 1), listen);
    *ret = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    return inet_pton(AF_INET, host, &ret->sin_addr) == 1;
}

static void check_port(struct doctor *doctor)
{
    struct sockaddr_in address;
    int on = 1;
    if (!parse_address(doctor->listen, &address))
        return; /* IPv6 or a name: `serve` will tell */
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)setsockopt(
        fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); /* without it a closed one is still in use */
    if (bind(fd, (const struct sockaddr *)(const void *)&address, sizeof address) == 0 && listen(fd, 1) == 0)
        doctor_add(doctor, FINDING_OK, "port", NULL, "%s is free", doctor->listen);
    else if (errno == EADDRINUSE)
        doctor_add(doctor, FINDING_OK, "port", NULL, "%s is in use, maybe by Tocsin itself", doctor->listen);
    else
        doctor_add(doctor, FINDING_FAIL, "port",
            "choose another with --listen, or give the right to bind there", "%s: %s", doctor->listen,
            strerror(errno));
    (void)close(fd); /* nothing came over it */
}

void doctor_machine(struct doctor *doctor)
{
    struct str folder = existing_folder(doctor);
    check_sync(doctor, folder);
    check_space(doctor, folder);
    check_files(doctor);
    check_clock(doctor);
    check_chance(doctor);
    check_port(doctor);
}
