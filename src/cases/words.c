/* The words of this floor: OCSF's captions, our short ones, and their numbers. */
#include "cases/alert.h"
#include "cases/case.h"
#include "cases/observable.h"

static const char *const severity_captions[SEVERITY_COUNT] = { "Unknown", "Informational", "Low", "Medium",
    "High", "Critical", "Fatal" };

const char *severity_caption(enum severity severity)
{
    return severity_captions[(unsigned)severity < SEVERITY_COUNT ? severity : SEVERITY_UNKNOWN];
}

bool severity_parse(struct str text, enum severity *ret)
{
    static const struct {
        struct str word;
        enum severity severity;
    } others[] = {
        { STR_INIT("info"), SEVERITY_INFORMATIONAL },
        { STR_INIT("other"), SEVERITY_UNKNOWN },
        { STR_INIT("99"), SEVERITY_UNKNOWN },
    };
    for (unsigned i = 0; i < SEVERITY_COUNT; i++) {
        if (str_equal_nocase(text, str_of(severity_captions[i])) ||
            (text.size == 1 && text.data[0] == (char)('0' + i))) {
            *ret = (enum severity)i;
            return true;
        }
    }
    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (str_equal_nocase(text, others[i].word)) {
            *ret = others[i].severity;
            return true;
        }
    }
    return false;
}

static const struct {
    const char *word, *caption;
} alert_statuses[ALERT_STATUS_END] = {
    [ALERT_NEW] = { "new", "New" },
    [ALERT_IN_PROGRESS] = { "in_progress", "In Progress" },
    [ALERT_SUPPRESSED] = { "suppressed", "Suppressed" },
    [ALERT_RESOLVED] = { "resolved", "Resolved" },
    [ALERT_ARCHIVED] = { "archived", "Archived" },
};

const char *alert_status_word(enum alert_status status)
{
    return status >= ALERT_NEW && status < ALERT_STATUS_END ? alert_statuses[status].word : "unknown";
}

const char *alert_status_caption(enum alert_status status)
{
    return status >= ALERT_NEW && status < ALERT_STATUS_END ? alert_statuses[status].caption : "Unknown";
}

bool alert_status_parse(struct str text, enum alert_status *ret)
{
    for (int i = ALERT_NEW; i < ALERT_STATUS_END; i++) {
        if (str_equal_nocase(text, str_of(alert_statuses[i].word)) ||
            str_equal_nocase(text, str_of(alert_statuses[i].caption)) ||
            (text.size == 1 && text.data[0] == (char)('0' + i))) {
            *ret = (enum alert_status)i;
            return true;
        }
    }
    return false;
}

static const char *const case_statuses[CASE_STATUS_END] = {
    [CASE_OPEN] = "open",
    [CASE_IN_PROGRESS] = "in_progress",
    [CASE_ON_HOLD] = "on_hold",
    [CASE_CLOSED] = "closed",
};

const char *case_status_word(enum case_status status)
{
    return status >= CASE_OPEN && status < CASE_STATUS_END ? case_statuses[status] : "unknown";
}

bool case_status_parse(struct str text, enum case_status *ret)
{
    for (int i = CASE_OPEN; i < CASE_STATUS_END; i++) {
        if (str_equal_nocase(text, str_of(case_statuses[i]))) {
            *ret = (enum case_status)i;
            return true;
        }
    }
    return false;
}

static const struct {
    enum observable_type type;
    struct str caption;
} observable_captions[] = {
    { OBSERVABLE_UNKNOWN, STR_INIT("Unknown") },
    { OBSERVABLE_HOSTNAME, STR_INIT("Hostname") },
    { OBSERVABLE_IP, STR_INIT("IP Address") },
    { OBSERVABLE_MAC, STR_INIT("MAC Address") },
    { OBSERVABLE_USER_NAME, STR_INIT("User Name") },
    { OBSERVABLE_EMAIL, STR_INIT("Email Address") },
    { OBSERVABLE_URL, STR_INIT("URL String") },
    { OBSERVABLE_FILE_NAME, STR_INIT("File Name") },
    { OBSERVABLE_HASH, STR_INIT("Hash") },
    { OBSERVABLE_PROCESS_NAME, STR_INIT("Process Name") },
    { OBSERVABLE_RESOURCE_UID, STR_INIT("Resource UID") },
    { OBSERVABLE_PORT, STR_INIT("Port") },
    { OBSERVABLE_SUBNET, STR_INIT("Subnet") },
    { OBSERVABLE_COMMAND_LINE, STR_INIT("Command Line") },
    { OBSERVABLE_COUNTRY, STR_INIT("Country") },
    { OBSERVABLE_USER_AGENT, STR_INIT("HTTP User-Agent") },
    { OBSERVABLE_FILE_PATH, STR_INIT("File Path") },
    { OBSERVABLE_OTHER, STR_INIT("Other") },
};

static const struct {
    struct str word;
    enum observable_type type;
} observable_words[] = {
    { STR_INIT("ip"), OBSERVABLE_IP },
    { STR_INIT("ipv4"), OBSERVABLE_IP },
    { STR_INIT("ipv6"), OBSERVABLE_IP },
    { STR_INIT("domain"), OBSERVABLE_HOSTNAME },
    { STR_INIT("host"), OBSERVABLE_HOSTNAME },
    { STR_INIT("url"), OBSERVABLE_URL },
    { STR_INIT("hash"), OBSERVABLE_HASH },
    { STR_INIT("md5"), OBSERVABLE_HASH },
    { STR_INIT("sha1"), OBSERVABLE_HASH },
    { STR_INIT("sha256"), OBSERVABLE_HASH },
    { STR_INIT("email"), OBSERVABLE_EMAIL },
    { STR_INIT("user"), OBSERVABLE_USER_NAME },
    { STR_INIT("mac"), OBSERVABLE_MAC },
    { STR_INIT("file"), OBSERVABLE_FILE_NAME },
    { STR_INIT("path"), OBSERVABLE_FILE_PATH },
    { STR_INIT("process"), OBSERVABLE_PROCESS_NAME },
    { STR_INIT("port"), OBSERVABLE_PORT },
    { STR_INIT("subnet"), OBSERVABLE_SUBNET },
    { STR_INIT("command"), OBSERVABLE_COMMAND_LINE },
    { STR_INIT("country"), OBSERVABLE_COUNTRY },
    { STR_INIT("user_agent"), OBSERVABLE_USER_AGENT },
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *observable_type_caption(enum observable_type type)
{
    for (size_t i = 0; i < COUNT(observable_captions); i++) {
        if (observable_captions[i].type == type)
            return observable_captions[i].caption.data;
    }
    return "Other";
}

bool observable_type_parse(struct str text, enum observable_type *ret)
{
    int64_t number = -1;
    bool is_number = str_to_int(text, &number);
    for (size_t i = 0; i < COUNT(observable_captions); i++) {
        if (str_equal_nocase(text, observable_captions[i].caption) ||
            (is_number && number == (int64_t)observable_captions[i].type)) {
            *ret = observable_captions[i].type;
            return true;
        }
    }
    for (size_t i = 0; i < COUNT(observable_words); i++) {
        if (str_equal_nocase(text, observable_words[i].word)) {
            *ret = observable_words[i].type;
            return true;
        }
    }
    return false;
}
