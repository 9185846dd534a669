#include "ingest/survey.h"

#include <string.h>

#include "base/limits.h"

#define KEY_BYTES_MAX 28

/* Keys without case and without "_-. @:", as they are or with their parent's before them ("rule.name" is
 * "rulename"). Sorted by length, then by bytes, so that most steps of a search compare two numbers. The rank
 * orders what is found for a role; depth comes second. */
#define KEY(text, role, rank) \
    { \
        text, sizeof(text) - 1, role, rank \
    }
static const struct key_role {
    char key[KEY_BYTES_MAX];
    uint8_t size, role, rank;
} roles[] = {
    KEY("id", SURVEY_UID, 3),
    KEY("ip", SURVEY_SOURCE_IP, 6),
    KEY("ts", SURVEY_TIME, 3),
    KEY("dst", SURVEY_TARGET_IP, 3),
    KEY("dvc", SURVEY_HOST, 4),
    KEY("msg", SURVEY_TITLE, 7),
    KEY("src", SURVEY_SOURCE_IP, 3),
    KEY("uid", SURVEY_UID, 2),
    KEY("date", SURVEY_TIME, 6),
    KEY("guid", SURVEY_UID, 4),
    KEY("host", SURVEY_HOST, 2),
    KEY("name", SURVEY_TITLE, 7),
    KEY("risk", SURVEY_SEVERITY, 6),
    KEY("rule", SURVEY_TITLE, 4),
    KEY("time", SURVEY_TIME, 2),
    KEY("type", SURVEY_TITLE, 10),
    KEY("user", SURVEY_USER, 2),
    KEY("uuid", SURVEY_UID, 2),
    KEY("verb", SURVEY_TITLE, 13),
    KEY("actor", SURVEY_USER, 5),
    KEY("dstip", SURVEY_TARGET_IP, 1),
    KEY("email", SURVEY_USER, 7),
    KEY("event", SURVEY_TITLE, 9),
    KEY("level", SURVEY_SEVERITY, 4),
    KEY("srcip", SURVEY_SOURCE_IP, 1),
    KEY("title", SURVEY_TITLE, 1),
    KEY("action", SURVEY_TITLE, 12),
    KEY("destip", SURVEY_TARGET_IP, 1),
    KEY("detail", SURVEY_DESCRIPTION, 4),
    KEY("device", SURVEY_HOST, 4),
    KEY("output", SURVEY_TITLE, 8),
    KEY("reason", SURVEY_DESCRIPTION, 3),
    KEY("source", SURVEY_SOURCE_IP, 7),
    KEY("userid", SURVEY_USER, 6),
    KEY("vendor", SURVEY_VENDOR, 2),
    KEY("account", SURVEY_USER, 5),
    KEY("alertid", SURVEY_UID, 1),
    KEY("created", SURVEY_TIME, 4),
    KEY("culprit", SURVEY_TITLE, 8),
    KEY("details", SURVEY_DESCRIPTION, 4),
    KEY("dstuser", SURVEY_USER, 2),
    KEY("eventid", SURVEY_UID, 4),
    KEY("fulllog", SURVEY_DESCRIPTION, 4),
    KEY("machine", SURVEY_HOST, 3),
    KEY("message", SURVEY_TITLE, 7),
    KEY("product", SURVEY_PRODUCT, 2),
    KEY("srcuser", SURVEY_USER, 3),
    KEY("subject", SURVEY_TITLE, 5),
    KEY("summary", SURVEY_TITLE, 3),
    KEY("urgency", SURVEY_SEVERITY, 4),
    KEY("activity", SURVEY_TITLE, 11),
    KEY("category", SURVEY_TITLE, 13),
    KEY("clientip", SURVEY_SOURCE_IP, 2),
    KEY("computer", SURVEY_HOST, 2),
    KEY("datetime", SURVEY_TIME, 3),
    KEY("headline", SURVEY_TITLE, 2),
    KEY("hostname", SURVEY_HOST, 1),
    KEY("lastseen", SURVEY_TIME, 7),
    KEY("loglevel", SURVEY_SEVERITY, 6),
    KEY("priority", SURVEY_PRIORITY, 3),
    KEY("remoteip", SURVEY_SOURCE_IP, 3),
    KEY("rulename", SURVEY_TITLE, 2),
    KEY("serverip", SURVEY_TARGET_IP, 3),
    KEY("severity", SURVEY_SEVERITY, 1),
    KEY("sourceip", SURVEY_SOURCE_IP, 1),
    KEY("startsat", SURVEY_TIME, 3),
    KEY("targetip", SURVEY_TARGET_IP, 2),
    KEY("username", SURVEY_USER, 1),
    KEY("agentname", SURVEY_HOST, 3),
    KEY("alarmname", SURVEY_TITLE, 1),
    KEY("alarmtext", SURVEY_TITLE, 2),
    KEY("alertname", SURVEY_TITLE, 1),
    KEY("alerttime", SURVEY_TIME, 1),
    KEY("alerttype", SURVEY_TITLE, 8),
    KEY("checkname", SURVEY_TITLE, 3),
    KEY("createdat", SURVEY_TIME, 3),
    KEY("eventname", SURVEY_TITLE, 4),
    KEY("eventtime", SURVEY_TIME, 1),
    KEY("eventtype", SURVEY_TITLE, 9),
    KEY("findingid", SURVEY_UID, 1),
    KEY("firstseen", SURVEY_TIME, 5),
    KEY("ipaddress", SURVEY_SOURCE_IP, 5),
    KEY("operation", SURVEY_TITLE, 8),
    KEY("principal", SURVEY_USER, 6),
    KEY("published", SURVEY_TIME, 4),
    KEY("risklevel", SURVEY_SEVERITY, 4),
    KEY("ruletitle", SURVEY_TITLE, 2),
    KEY("signature", SURVEY_TITLE, 3),
    KEY("startedat", SURVEY_TIME, 3),
    KEY("starttime", SURVEY_TIME, 4),
    KEY("timestamp", SURVEY_TIME, 1),
    KEY("updatedat", SURVEY_TIME, 7),
    KEY("useremail", SURVEY_USER, 3),
    KEY("alarmtitle", SURVEY_TITLE, 1),
    KEY("alerttitle", SURVEY_TITLE, 1),
    KEY("attackerip", SURVEY_SOURCE_IP, 1),
    KEY("detectedat", SURVEY_TIME, 1),
    KEY("devicename", SURVEY_HOST, 1),
    KEY("incidentid", SURVEY_UID, 2),
    KEY("methodname", SURVEY_TITLE, 8),
    KEY("occurredat", SURVEY_TIME, 1),
    KEY("policyname", SURVEY_TITLE, 5),
    KEY("remoteaddr", SURVEY_SOURCE_IP, 3),
    KEY("severityid", SURVEY_SEVERITY_ID, 1),
    KEY("targetuser", SURVEY_USER, 2),
    KEY("threatname", SURVEY_TITLE, 2),
    KEY("vendorname", SURVEY_VENDOR, 1),
    KEY("accountname", SURVEY_USER, 3),
    KEY("createdtime", SURVEY_TIME, 3),
    KEY("criticality", SURVEY_SEVERITY, 3),
    KEY("description", SURVEY_DESCRIPTION, 1),
    KEY("destination", SURVEY_TARGET_IP, 4),
    KEY("displayname", SURVEY_TITLE, 6),
    KEY("eventaction", SURVEY_TITLE, 6),
    KEY("machinename", SURVEY_HOST, 1),
    KEY("productname", SURVEY_PRODUCT, 1),
    KEY("threatlevel", SURVEY_SEVERITY, 2),
    KEY("timecreated", SURVEY_TIME, 2),
    KEY("activityname", SURVEY_TITLE, 8),
    KEY("computername", SURVEY_HOST, 1),
    KEY("endpointname", SURVEY_HOST, 2),
    KEY("eventmessage", SURVEY_TITLE, 6),
    KEY("incidentname", SURVEY_TITLE, 2),
    KEY("messagetitle", SURVEY_TITLE, 2),
    KEY("alertseverity", SURVEY_SEVERITY, 1),
    KEY("destinationip", SURVEY_TARGET_IP, 1),
    KEY("detectionname", SURVEY_TITLE, 2),
    KEY("eventcategory", SURVEY_TITLE, 9),
    KEY("eventseverity", SURVEY_SEVERITY, 1),
    KEY("operationname", SURVEY_TITLE, 8),
    KEY("remoteaddress", SURVEY_SOURCE_IP, 3),
    KEY("severitylabel", SURVEY_SEVERITY, 1),
    KEY("severitylevel", SURVEY_SEVERITY, 1),
    KEY("signaturename", SURVEY_TITLE, 2),
    KEY("sourceaddress", SURVEY_SOURCE_IP, 1),
    KEY("timegenerated", SURVEY_TIME, 1),
    KEY("alarmrisklevel", SURVEY_SEVERITY, 1),
    KEY("targetusername", SURVEY_USER, 2),
    KEY("calleripaddress", SURVEY_SOURCE_IP, 2),
    KEY("createddatetime", SURVEY_TIME, 3),
    KEY("ruledescription", SURVEY_TITLE, 3),
    KEY("sourceipaddress", SURVEY_SOURCE_IP, 1),
    KEY("alertdisplayname", SURVEY_TITLE, 1),
    KEY("eventdescription", SURVEY_DESCRIPTION, 1),
    KEY("terminatingruleid", SURVEY_TITLE, 8),
    KEY("userprincipalname", SURVEY_USER, 2),
    KEY("destinationaddress", SURVEY_TARGET_IP, 1),
    KEY("eventdefinitiontitle", SURVEY_TITLE, 1),
};
#define KEY_COUNT (sizeof(roles) / sizeof(roles[0]))

/* ---- keys ---- */

/* A parent's key, or it and its child's. */
struct folded {
    char text[2 * KEY_BYTES_MAX];
    uint8_t size;
};

/* At most KEY_BYTES_MAX bytes more, which is too long for any role. */
static void fold_more(struct folded *folded, struct str key)
{
    size_t end = (size_t)folded->size + KEY_BYTES_MAX;
    if (end > sizeof(folded->text))
        end = sizeof(folded->text);
    for (size_t i = 0; i < key.size && folded->size < end; i++) {
        char c = key.data[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c + 32);
        if (c == '_' || c == '-' || c == '.' || c == ' ' || c == '@' || c == ':')
            continue;
        folded->text[folded->size++] = c;
    }
}

static const struct key_role *find_role(const char *key, size_t size)
{
    size_t low = 0, high = KEY_COUNT;
    if (size == 0 || size >= KEY_BYTES_MAX)
        return NULL;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct key_role *role = &roles[middle];
        int order = role->size != size ? (int)role->size - (int)size : memcmp(role->key, key, size);
        if (order == 0)
            return role;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static const struct key_role *role_of(const struct folded *parent, struct str key)
{
    struct folded both = *parent;
    fold_more(&both, key);
    const struct key_role *role = parent->size > 0 ? find_role(both.text, both.size) : NULL;
    return role ? role : find_role(both.text + parent->size, both.size - parent->size);
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
    struct folded parent;
    parent.size = 0; /* its text is read as far as it was written */
    fold_more(&parent, key);
    survey->has_duplicate_keys = survey->has_duplicate_keys || (map.flags & VALUE_DUPLICATE_KEYS);
    for (uint32_t i = 0; i < map.size; i++) {
        struct place inner = { .parent = place };
        if (entries[i].key.type == VALUE_STRING)
            inner.name = value_str(entries[i].key);
        struct value v = value_part_of(map, entries[i].value);
        const struct key_role *role = is_scalar(v) ? role_of(&parent, inner.name) : NULL;
        if (role)
            TRY(note_role(survey, role, v, &inner, depth));
        TRY(walk(survey, v, inner.name, &inner, depth + 1));
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
        TRY(walk(survey, value_part_of(v, v.items[i]), key, &inner, depth + 1));
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
