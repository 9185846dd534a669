#include "connect/jq_child.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <jq.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "name this machine's AUDIT_ARCH_… for the filter of system calls"
#endif

/* Sanitizers reserve terabytes. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEMORY_BYTES_MAX RLIM_INFINITY
#else
#define MEMORY_BYTES_MAX (512 * MIB)
#endif
#define CPU_SECONDS_MAX 600 /* more than any call may take */

/* ---- narrowing ---- */

#define ALLOW(name) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* Memory, time, the three descriptors that are open, and the end. All else fails with EPERM. */
static const struct sock_filter allowed[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCHITECTURE, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    ALLOW(read),
    ALLOW(write),
    ALLOW(brk),
    ALLOW(mmap),
    ALLOW(munmap),
    ALLOW(mremap),
    ALLOW(madvise),
    ALLOW(futex),
    ALLOW(getrandom),
    ALLOW(clock_gettime),
    ALLOW(gettimeofday),
    ALLOW(sched_yield),
    ALLOW(rt_sigreturn),
    ALLOW(sigaltstack),
    ALLOW(rt_sigprocmask),
    ALLOW(getpid),
    ALLOW(gettid),
    ALLOW(tgkill),
    ALLOW(exit),
    ALLOW(exit_group),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
};

/* The server ends it in time; when the server is killed nobody would. One that died before the wish was made
 * is seen by its number. */
static bool ends_with_parent(void)
{
    const char *parent = getenv(JQ_CHILD_PARENT);
    return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && (!parent || atoi(parent) == getppid());
}

static bool narrow(void)
{
    bool is_bound = ends_with_parent();
    if (environ) /* `env` must show nothing */
        environ[0] = NULL;
    const struct sock_fprog program = { .len = sizeof(allowed) / sizeof(allowed[0]),
        .filter = (struct sock_filter *)(uintptr_t)allowed };
    const struct rlimit none = { 0, 0 }, memory = { MEMORY_BYTES_MAX, MEMORY_BYTES_MAX };
    const struct rlimit descriptors = { 3, 3 }, time = { CPU_SECONDS_MAX, CPU_SECONDS_MAX };
    return is_bound && setrlimit(RLIMIT_CPU, &time) == 0 && setrlimit(RLIMIT_AS, &memory) == 0 &&
        setrlimit(RLIMIT_CORE, &none) == 0 && setrlimit(RLIMIT_NOFILE, &descriptors) == 0 &&
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* ---- input and output ---- */

_Noreturn static void give_up(enum jq_child_exit code, const char *text)
{
    if (text)
        (void)!write(STDERR_FILENO, text, strlen(text)); /* the exit status says the rest */
    _exit(code);
}

static void read_all(struct buf *input)
{
    for (;;) {
        char *room = buf_reserve(input, 64 * KIB);
        ssize_t size = room ? read(STDIN_FILENO, room, 64 * KIB) : -1;
        if (size < 0)
            give_up(JQ_CHILD_NO_INPUT, "the input can't be read");
        if (size == 0)
            return;
        input->size += (size_t)size;
        input->data[input->size] = '\0';
    }
}

static void write_all(const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(STDOUT_FILENO, bytes, size);
        if (written <= 0)
            give_up(JQ_CHILD_FAILED, "the output can't be written");
        bytes += written;
        size -= (size_t)written;
    }
}

/* Consumes the value. */
static void print(jv value, size_t *total)
{
    jv text = jv_dump_string(value, 0);
    int size = jv_string_length_bytes(jv_copy(text));
    *total += (size_t)size + 1;
    if (*total > JQ_OUTPUT_BYTES_MAX)
        give_up(JQ_CHILD_TOO_LARGE, NULL);
    write_all(jv_string_value(text), (size_t)size);
    write_all("\n", 1);
    jv_free(text);
}

static void keep_message(void *context, jv message)
{
    struct buf *kept = context;
    if (jv_get_kind(message) == JV_KIND_STRING && kept->size == 0)
        buf_add_text(kept, jv_string_value(message));
    jv_free(message);
}

/* ---- running ---- */

/* `input` and `inputs`: without this libjq follows a null pointer. */
static jv no_input(jq_state *jq, void *context)
{
    (void)jq, (void)context; /* there is nothing to ask */
    return jv_invalid_with_msg(jv_string("there is one input only"));
}

/* Consumes the last value of jq_next: an error, or the end. */
static void check_end(jv last)
{
    if (!jv_invalid_has_msg(jv_copy(last))) {
        jv_free(last);
        return;
    }
    jv message = jv_invalid_get_msg(last);
    if (jv_get_kind(message) != JV_KIND_STRING)
        message = jv_dump_string(message, 0);
    give_up(JQ_CHILD_FAILED, jv_string_value(message));
}

/* `debug`: likewise. */
static void no_debug(void *context, jv message)
{
    (void)context; /* there is nobody to show it to */
    jv_free(message);
}

static void run(const char *filter, jv input, jv args)
{
    struct buf message = { .bytes_max = 64 * KIB };
    size_t total = 0;
    jq_state *jq = jq_init();
    if (!jq)
        give_up(JQ_CHILD_FAILED, "jq does not start");
    jq_set_error_cb(jq, keep_message, &message);
    jq_set_input_cb(jq, no_input, NULL);
    jq_set_debug_cb(jq, no_debug, NULL);
    jq_set_attr(jq, jv_string("JQ_LIBRARY_PATH"), jv_array());
    jq_set_attr(jq, jv_string("JQ_ORIGIN"), jv_string("/nonexistent"));
    if (!jq_compile_args(jq, filter, args))
        give_up(JQ_CHILD_BAD_FILTER, message.size ? message.data : "the filter does not compile");
    jq_start(jq, input, 0);
    jv result = jq_next(jq);
    for (; jv_is_valid(result); result = jq_next(jq))
        print(result, &total);
    if (jq_halted(jq))
        give_up(JQ_CHILD_OK, NULL);
    check_end(result);
}

_Noreturn void jq_child_main(void)
{
    struct buf input = { .bytes_max = 2 * JQ_INPUT_BYTES_MAX };
    uint64_t filter_size;
    if (!narrow())
        give_up(JQ_CHILD_NO_SANDBOX, "the process can't give up its rights");
    read_all(&input);
    struct str rest = buf_str(&input), line;
    if (!str_split(&rest, '\n', &line) || !str_to_uint(line, &filter_size) || filter_size > rest.size)
        give_up(JQ_CHILD_NO_INPUT, "the input is cut");
    char *filter = strndup(rest.data, filter_size);
    struct str json = str_slice(rest, filter_size, rest.size);
    jv both = jv_parse_sized(json.data, (int)json.size);
    if (!filter || jv_get_kind(both) != JV_KIND_ARRAY)
        give_up(JQ_CHILD_NO_INPUT, "the input is no JSON");
    jv value = jv_array_get(jv_copy(both), 0);
    run(filter, value, jv_array_get(both, 1));
    _exit(JQ_CHILD_OK);
}
