#include "ingest/survey.h"

#include <string.h>

#include "base/limits.h"

#define KEY_BYTES_MAX 28

/* Keys without case and without "_-. @", as they are or with their parent's before them ("rule.name" is
 * "rulename"). Sorted. The rank orders what is found for a role; depth comes second. */
static const struct key_role {
    char key[KEY_BYTES_MAX];
    uint8_t role, rank;
} roles[] = {
    { "account", SURVEY_USER, 5 },
    { "accountname", SURVEY_USER, 3 },
    { "action", SURVEY_TITLE, 12 },
    { "activity", SURVEY_TITLE, 11 },
    { "activityname", SURVEY_TITLE, 8 },
    { "actor", SURVEY_USER, 5 },
    { "agentname", SURVEY_HOST, 3 },
    { "alarmname", SURVEY_TITLE, 1 },
    { "alarmrisklevel", SURVEY_SEVERITY, 1 },
    { "alarmtext", SURVEY_TITLE, 2 },
    { "alarmtitle", SURVEY_TITLE, 1 },
    { "alertdisplayname", SURVEY_TITLE, 1 },
    { "alertid", SURVEY_UID, 1 },
    { "alertname", SURVEY_TITLE, 1 },
    { "alertseverity", SURVEY_SEVERITY, 1 },
    { "alerttime", SURVEY_TIME, 1 },
    { "alerttitle", SURVEY_TITLE, 1 },
    { "alerttype", SURVEY_TITLE, 8 },
    { "attackerip", SURVEY_SOURCE_IP, 1 },
    { "calleripaddress", SURVEY_SOURCE_IP, 2 },
    { "category", SURVEY_TITLE, 13 },
    { "checkname", SURVEY_TITLE, 3 },
    { "clientip", SURVEY_SOURCE_IP, 2 },
    { "computer", SURVEY_HOST, 2 },
    { "computername", SURVEY_HOST, 1 },
    { "created", SURVEY_TIME, 4 },
    { "createdat", SURVEY_TIME, 3 },
    { "createddatetime", SURVEY_TIME, 3 },
    { "createdtime", SURVEY_TIME, 3 },
    { "criticality", SURVEY_SEVERITY, 3 },
    { "culprit", SURVEY_TITLE, 8 },
    { "date", SURVEY_TIME, 6 },
    { "datetime", SURVEY_TIME, 3 },
    { "description", SURVEY_DESCRIPTION, 1 },
    { "destination", SURVEY_TARGET_IP, 4 },
    { "destinationaddress", SURVEY_TARGET_IP, 1 },
    { "destinationip", SURVEY_TARGET_IP, 1 },
    { "destip", SURVEY_TARGET_IP, 1 },
    { "detail", SURVEY_DESCRIPTION, 4 },
    { "details", SURVEY_DESCRIPTION, 4 },
    { "detectedat", SURVEY_TIME, 1 },
    { "detectionname", SURVEY_TITLE, 2 },
    { "device", SURVEY_HOST, 4 },
    { "devicename", SURVEY_HOST, 1 },
    { "displayname", SURVEY_TITLE, 6 },
    { "dst", SURVEY_TARGET_IP, 3 },
    { "dstip", SURVEY_TARGET_IP, 1 },
    { "dstuser", SURVEY_USER, 2 },
    { "dvc", SURVEY_HOST, 4 },
    { "email", SURVEY_USER, 7 },
    { "endpointname", SURVEY_HOST, 2 },
    { "event", SURVEY_TITLE, 9 },
    { "eventaction", SURVEY_TITLE, 6 },
    { "eventcategory", SURVEY_TITLE, 9 },
    { "eventdefinitiontitle", SURVEY_TITLE, 1 },
    { "eventdescription", SURVEY_DESCRIPTION, 1 },
    { "eventid", SURVEY_UID, 4 },
    { "eventmessage", SURVEY_TITLE, 6 },
    { "eventname", SURVEY_TITLE, 4 },
    { "eventseverity", SURVEY_SEVERITY, 1 },
    { "eventtime", SURVEY_TIME, 1 },
    { "eventtype", SURVEY_TITLE, 9 },
    { "findingid", SURVEY_UID, 1 },
    { "firstseen", SURVEY_TIME, 5 },
    { "fulllog", SURVEY_DESCRIPTION, 4 },
    { "guid", SURVEY_UID, 4 },
    { "headline", SURVEY_TITLE, 2 },
    { "host", SURVEY_HOST, 2 },
    { "hostname", SURVEY_HOST, 1 },
    { "id", SURVEY_UID, 3 },
    { "incidentid", SURVEY_UID, 2 },
    { "incidentname", SURVEY_TITLE, 2 },
    { "ip", SURVEY_SOURCE_IP, 6 },
    { "ipaddress", SURVEY_SOURCE_IP, 5 },
    { "lastseen", SURVEY_TIME, 7 },
    { "level", SURVEY_SEVERITY, 4 },
    { "loglevel", SURVEY_SEVERITY, 6 },
    { "machine", SURVEY_HOST, 3 },
    { "machinename", SURVEY_HOST, 1 },
    { "message", SURVEY_TITLE, 7 },
    { "messagetitle", SURVEY_TITLE, 2 },
    { "methodname", SURVEY_TITLE, 8 },
    { "msg", SURVEY_TITLE, 7 },
    { "name", SURVEY_TITLE, 7 },
    { "occurredat", SURVEY_TIME, 1 },
    { "operation", SURVEY_TITLE, 8 },
    { "operationname", SURVEY_TITLE, 8 },
    { "output", SURVEY_TITLE, 8 },
    { "policyname", SURVEY_TITLE, 5 },
    { "principal", SURVEY_USER, 6 },
    { "priority", SURVEY_PRIORITY, 3 },
    { "product", SURVEY_PRODUCT, 2 },
    { "productname", SURVEY_PRODUCT, 1 },
    { "published", SURVEY_TIME, 4 },
    { "reason", SURVEY_DESCRIPTION, 3 },
    { "remoteaddr", SURVEY_SOURCE_IP, 3 },
    { "remoteaddress", SURVEY_SOURCE_IP, 3 },
    { "remoteip", SURVEY_SOURCE_IP, 3 },
    { "risk", SURVEY_SEVERITY, 6 },
    { "risklevel", SURVEY_SEVERITY, 4 },
    { "rule", SURVEY_TITLE, 4 },
    { "ruledescription", SURVEY_TITLE, 3 },
    { "rulename", SURVEY_TITLE, 2 },
    { "ruletitle", SURVEY_TITLE, 2 },
    { "serverip", SURVEY_TARGET_IP, 3 },
    { "severity", SURVEY_SEVERITY, 1 },
    { "severityid", SURVEY_SEVERITY_ID, 1 },
    { "severitylabel", SURVEY_SEVERITY, 1 },
    { "severitylevel", SURVEY_SEVERITY, 1 },
    { "signature", SURVEY_TITLE, 3 },
    { "signaturename", SURVEY_TITLE, 2 },
    { "source", SURVEY_SOURCE_IP, 7 },
    { "sourceaddress", SURVEY_SOURCE_IP, 1 },
    { "sourceip", SURVEY_SOURCE_IP, 1 },
    { "sourceipaddress", SURVEY_SOURCE_IP, 1 },
    { "src", SURVEY_SOURCE_IP, 3 },
    { "srcip", SURVEY_SOURCE_IP, 1 },
    { "srcuser", SURVEY_USER, 3 },
    { "startedat", SURVEY_TIME, 3 },
    { "startsat", SURVEY_TIME, 3 },
    { "starttime", SURVEY_TIME, 4 },
    { "subject", SURVEY_TITLE, 5 },
    { "summary", SURVEY_TITLE, 3 },
    { "targetip", SURVEY_TARGET_IP, 2 },
    { "targetuser", SURVEY_USER, 2 },
    { "targetusername", SURVEY_USER, 2 },
    { "terminatingruleid", SURVEY_TITLE, 8 },
    { "threatlevel", SURVEY_SEVERITY, 2 },
    { "threatname", SURVEY_TITLE, 2 },
    { "time", SURVEY_TIME, 2 },
    { "timecreated", SURVEY_TIME, 2 },
    { "timegenerated", SURVEY_TIME, 1 },
    { "timestamp", SURVEY_TIME, 1 },
    { "title", SURVEY_TITLE, 1 },
    { "ts", SURVEY_TIME, 3 },
    { "type", SURVEY_TITLE, 10 },
    { "uid", SURVEY_UID, 2 },
    { "updatedat", SURVEY_TIME, 7 },
    { "urgency", SURVEY_SEVERITY, 4 },
    { "user", SURVEY_USER, 2 },
    { "useremail", SURVEY_USER, 3 },
    { "userid", SURVEY_USER, 6 },
    { "username", SURVEY_USER, 1 },
    { "userprincipalname", SURVEY_USER, 2 },
    { "uuid", SURVEY_UID, 2 },
    { "vendor", SURVEY_VENDOR, 2 },
    { "vendorname", SURVEY_VENDOR, 1 },
    { "verb", SURVEY_TITLE, 13 },
};
#define KEY_COUNT (sizeof(roles) / sizeof(roles[0]))

/* ---- keys ---- */

struct folded {
    char text[KEY_BYTES_MAX];
    uint8_t size; /* KEY_BYTES_MAX: too long for any role */
};

static void fold_more(struct folded *folded, struct str key)
{
    for (size_t i = 0; i < key.size && folded->size < KEY_BYTES_MAX; i++) {
        char c = key.data[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c + 32);
        if (c == '_' || c == '-' || c == '.' || c == ' ' || c == '@' || c == ':')
            continue;
        folded->text[folded->size++] = c;
    }
}

static const struct key_role *find_role(const struct folded *folded)
{
    size_t low = 0, high = KEY_COUNT;
    if (folded->size == 0 || folded->size >= KEY_BYTES_MAX)
        return NULL;
    struct str key = { folded->text, folded->size };
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_compare(str_of(roles[middle].key), key);
        if (order == 0)
            return &roles[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static const struct key_role *role_of(struct str parent, struct str key)
{
    struct folded folded = { .size = 0 };
    if (parent.size > 0 && parent.size + key.size < KEY_BYTES_MAX + 4) {
        fold_more(&folded, parent);
        fold_more(&folded, key);
        const struct key_role *role = find_role(&folded);
        if (role)
            return role;
        folded.size = 0;
    }
    if (key.size < KEY_BYTES_MAX + 8)
        fold_more(&folded, key);
    return find_role(&folded);
}

/* ---- values ---- */

static bool is_scalar(struct value v)
{
    return v.type == VALUE_INT || v.type == VALUE_UINT || v.type == VALUE_DOUBLE ||
        (v.type == VALUE_STRING && v.size > 0);
}

/* Whether a value can be what its key says. */
static bool fits(enum survey_role role, struct value v)
{
    switch (role) {
    case SURVEY_SOURCE_IP:
    case SURVEY_TARGET_IP: return v.type == VALUE_STRING && text_is_ip(value_str(v));
    case SURVEY_TITLE:
    case SURVEY_DESCRIPTION:
    case SURVEY_PRODUCT:
    case SURVEY_VENDOR: return v.type == VALUE_STRING && str_trim(value_str(v)).size > 0;
    case SURVEY_HOST:
    case SURVEY_USER:
        return v.type == VALUE_STRING && v.size > 0 && v.size <= 256 && v.bytes[0] != '<' &&
            !memchr(v.bytes, '\n', v.size);
    case SURVEY_SEVERITY_ID: return v.type == VALUE_INT;
    default: return is_scalar(v);
    }
}

static enum err note_role(struct survey *survey, const struct key_role *role, struct value v,
    const struct place *place, uint32_t depth)
{
    uint32_t rank = (uint32_t)role->rank * 256 + depth;
    if (!fits((enum survey_role)role->role, v))
        return ERR_OK;
    if (survey->ranks[role->role] == 0 || rank < survey->ranks[role->role]) {
        survey->ranks[role->role] = rank;
        survey->found[role->role] = v;
    }
    if (!survey->is_extracting)
        return ERR_OK;
    if (role->role == SURVEY_USER && text_is_email(value_str(v)))
        return ERR_OK; /* the scan finds it */
    if (role->role == SURVEY_USER && role->rank <= 3)
        return observations_add_at(
            survey->observations, OBSERVABLE_USER_NAME, value_str(v), place, survey->why);
    if (role->role == SURVEY_HOST && role->rank <= 2 && !text_is_ip(value_str(v)))
        return observations_add_at(
            survey->observations, OBSERVABLE_HOSTNAME, value_str(v), place, survey->why);
    return ERR_OK;
}

/* ---- the walk ---- */

static enum err walk(
    struct survey *survey, struct value v, struct str key, const struct place *place, uint32_t depth);

static enum err walk_map(
    struct survey *survey, struct value map, struct str key, const struct place *place, uint32_t depth)
{
    const struct value_entry *entries = value_map_entries(map);
    survey->has_duplicate_keys = survey->has_duplicate_keys || (map.flags & VALUE_DUPLICATE_KEYS);
    for (uint32_t i = 0; i < map.size; i++) {
        struct place inner = { .parent = place };
        if (entries[i].key.type == VALUE_STRING)
            inner.name = value_str(entries[i].key);
        const struct key_role *role = is_scalar(entries[i].value) ? role_of(key, inner.name) : NULL;
        if (role)
            TRY(note_role(survey, role, entries[i].value, &inner, depth));
        TRY(walk(survey, entries[i].value, inner.name, &inner, depth + 1));
    }
    return ERR_OK;
}

static enum err walk(
    struct survey *survey, struct value v, struct str key, const struct place *place, uint32_t depth)
{
    if (survey->node_count >= MAPPING_NODES_MAX || depth > VALUE_DEPTH_MAX)
        return ERR_OK;
    survey->node_count++;
    if (v.type == VALUE_STRING && survey->is_extracting)
        return observations_scan(survey->observations, value_str(v), place, survey->why);
    if (v.type == VALUE_MAP)
        return walk_map(survey, v, key, place, depth);
    for (uint32_t i = 0; v.type == VALUE_LIST && i < v.size; i++) {
        struct place inner = { .parent = place, .index = i, .is_index = true };
        TRY(walk(survey, v.items[i], key, &inner, depth + 1));
    }
    return ERR_OK;
}

enum err survey_run(struct survey *survey, struct value event, bool is_extracting,
    struct observations *observations, struct err_info *why)
{
    struct place root = { .name = STR("event") };
    *survey = (struct survey){ .is_extracting = is_extracting, .observations = observations, .why = why };
    return walk(survey, event, STR(""), &root, 1);
}
