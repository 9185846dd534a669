#include "ingest/ocsf.h"

#define O(path, kind, observable) \
    { \
        STR_INIT(path), kind, observable \
    }
#define S(path) O(path, OCSF_STRING, OBSERVABLE_UNKNOWN)
#define I(path) O(path, OCSF_INT, OBSERVABLE_UNKNOWN)
#define T(path) O(path, OCSF_TIME, OBSERVABLE_UNKNOWN)
#define L(path) O(path, OCSF_STRINGS, OBSERVABLE_UNKNOWN)
#define A(path) O(path, OCSF_ANY, OBSERVABLE_UNKNOWN)

/* Sorted by bytes. Alike in src_endpoint and dst_endpoint: OCSF's network endpoint. */
#define ENDPOINT(name) \
    S(name ".domain"), O(name ".hostname", OCSF_STRING, OBSERVABLE_HOSTNAME), S(name ".interface_name"), \
        O(name ".ip", OCSF_IP, OBSERVABLE_IP), S(name ".location.city"), S(name ".location.country"), \
        O(name ".mac", OCSF_STRING, OBSERVABLE_MAC), S(name ".name"), I(name ".port"), S(name ".svc_name"), \
        S(name ".uid"), S(name ".vlan_uid"), S(name ".zone")
#define USER(name) \
    S(name ".domain"), O(name ".email_addr", OCSF_STRING, OBSERVABLE_EMAIL), S(name ".full_name"), \
        O(name ".name", OCSF_STRING, OBSERVABLE_USER_NAME), S(name ".type"), S(name ".uid")

static const struct ocsf_field fields[] = {
    S("action"),
    I("action_id"),
    S("actor.app_name"),
    S("actor.process.cmd_line"),
    O("actor.process.file.path", OCSF_STRING, OBSERVABLE_FILE_PATH),
    O("actor.process.name", OCSF_STRING, OBSERVABLE_PROCESS_NAME),
    I("actor.process.pid"),
    USER("actor.user"),
    S("cloud.account.name"),
    S("cloud.account.uid"),
    S("cloud.provider"),
    S("cloud.region"),
    S("confidence"),
    I("confidence_id"),
    I("confidence_score"),
    S("container.image.name"),
    S("container.image.tag"),
    S("container.image.uid"),
    S("container.name"),
    S("container.uid"),
    S("device.domain"),
    O("device.hostname", OCSF_STRING, OBSERVABLE_HOSTNAME),
    O("device.ip", OCSF_IP, OBSERVABLE_IP),
    O("device.mac", OCSF_STRING, OBSERVABLE_MAC),
    S("device.name"),
    S("device.os.name"),
    S("device.os.type"),
    S("device.os.version"),
    S("device.region"),
    S("device.type"),
    I("device.type_id"),
    S("device.uid"),
    S("disposition"),
    I("disposition_id"),
    ENDPOINT("dst_endpoint"),
    T("end_time"),
    A("evidences"),
    O("file.name", OCSF_STRING, OBSERVABLE_FILE_NAME),
    O("file.path", OCSF_STRING, OBSERVABLE_FILE_PATH),
    I("file.size"),
    S("finding_info.analytic.category"),
    S("finding_info.analytic.desc"),
    S("finding_info.analytic.name"),
    S("finding_info.analytic.type"),
    I("finding_info.analytic.type_id"),
    S("finding_info.analytic.uid"),
    S("finding_info.analytic.version"),
    A("finding_info.attacks"),
    T("finding_info.created_time"),
    L("finding_info.data_sources"),
    S("finding_info.desc"),
    T("finding_info.first_seen_time"),
    T("finding_info.last_seen_time"),
    T("finding_info.modified_time"),
    S("finding_info.src_url"),
    S("finding_info.title"),
    L("finding_info.types"),
    S("finding_info.uid"),
    S("impact"),
    I("impact_id"),
    I("impact_score"),
    O("is_alert", OCSF_BOOL, OBSERVABLE_UNKNOWN),
    A("malware"),
    S("message"),
    S("metadata.correlation_uid"),
    S("metadata.event_code"),
    L("metadata.labels"),
    S("metadata.log_name"),
    S("metadata.log_provider"),
    S("metadata.original_event_uid"),
    S("metadata.product.feature.name"),
    S("metadata.product.name"),
    S("metadata.product.vendor_name"),
    S("metadata.product.version"),
    S("process.cmd_line"),
    O("process.file.path", OCSF_STRING, OBSERVABLE_FILE_PATH),
    O("process.name", OCSF_STRING, OBSERVABLE_PROCESS_NAME),
    S("process.parent_process.cmd_line"),
    O("process.parent_process.name", OCSF_STRING, OBSERVABLE_PROCESS_NAME),
    I("process.parent_process.pid"),
    I("process.pid"),
    O("process.user.name", OCSF_STRING, OBSERVABLE_USER_NAME),
    S("remediation.desc"),
    A("resources"),
    S("risk_details"),
    S("risk_level"),
    I("risk_level_id"),
    O("risk_score", OCSF_ROUNDED, OBSERVABLE_UNKNOWN),
    ENDPOINT("src_endpoint"),
    T("start_time"),
    S("status_code"),
    S("status_detail"),
    I("timezone_offset"),
    O("url.url_string", OCSF_STRING, OBSERVABLE_URL),
    USER("user"),
    A("vulnerabilities"),
};
#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

/* Of OCSF or ours: attributes that a source's mapping may fill freely. */
static const struct ocsf_field free_field = { STR_INIT(""), OCSF_ANY, OBSERVABLE_UNKNOWN };

const struct ocsf_field *ocsf_find(struct str path)
{
    uint32_t low = 0, high = FIELD_COUNT;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = str_compare(fields[middle].path, path);
        if (order == 0)
            return &fields[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (str_starts(path, STR("unmapped.")) || str_starts(path, STR("vendor_attributes.")))
        return &free_field;
    return NULL;
}

struct str ocsf_suggest(struct str path)
{
    unsigned nearest = 6;
    struct str suggestion = { 0 };
    for (uint32_t i = 0; i < FIELD_COUNT; i++) {
        unsigned distance = str_distance(path, fields[i].path, nearest);
        if (distance < nearest) {
            nearest = distance;
            suggestion = fields[i].path;
        }
    }
    return suggestion;
}

const struct ocsf_field *ocsf_fields(uint32_t *ret_count)
{
    *ret_count = FIELD_COUNT;
    return fields;
}
