#include "ingest/mapping.h"

#include <string.h>

#include "base/text.h"
#include "base/timetext.h"
#include "ingest/grade.h"
#include "ingest/mapping_impl.h"
#include "ingest/when.h"

/* ---- mapped fields ---- */

const struct map_node *mapping_find(const struct map_node *first, struct str name)
{
    while (first && !str_equal(first->name, name))
        first = first->next;
    return first;
}

/* What can't be made into the field's kind is kept, so that nothing is lost without a trace. */
static enum err keep_unmapped(struct mapping *m, const struct map_node *node, struct value v)
{
    return value_map_put(&m->unmapped, value_string(node->path), v, m->why);
}

static enum err build_leaf(struct mapping *m, const struct map_node *node, struct value_map_builder *into)
{
    struct value given, v;
    TRY(rule_eval(m, &node->rule, &given));
    if (given.type == VALUE_NULL)
        return ERR_OK;
    TRY(field_convert(m, node->field->kind, given, &v));
    if (v.type == VALUE_NULL)
        return keep_unmapped(m, node, given);
    if (node->field->observable != OBSERVABLE_UNKNOWN)
        TRY(observations_add(&m->observations, node->field->observable, value_str(v), node->path, m->why));
    return value_map_put(into, value_string(node->name), v, m->why);
}

struct value mapping_built(const struct value_map_builder *map, const char *name)
{
    for (uint32_t i = 0; i < map->count; i++) {
        if (value_is_text(map->entries[i].key, str_of(name)))
            return map->entries[i].value;
    }
    return value_null();
}

/* The last part of a path, of whatever system. */
static struct value base_name(struct value path)
{
    struct str text = value_str(path);
    size_t from = text.size;
    while (from > 0 && text.data[from - 1] != '/' && text.data[from - 1] != '\\')
        from--;
    struct value name = value_string(from < text.size ? str_slice(text, from, text.size) : text);
    name.flags = path.flags;
    return name;
}

/* What OCSF requires of objects beyond what a product says. */
static enum err complete_object(
    struct mapping *m, const struct map_node *node, struct value_map_builder *into)
{
    static const struct {
        struct str object;
        int type_id; /* Unknown, but for the analytic: Rule */
    } types[] = { { STR_INIT("device"), 0 }, { STR_INIT("analytic"), 1 }, { STR_INIT("file"), 0 },
        { STR_INIT("os"), 0 } };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (str_equal(node->name, types[i].object) && mapping_built(into, "type_id").type == VALUE_NULL)
            TRY(value_map_set(into, "type_id", value_int(types[i].type_id), m->why));
    }
    struct value path = str_equal(node->name, STR("file")) ? mapping_built(into, "path") : value_null();
    if (path.type == VALUE_STRING && mapping_built(into, "name").type == VALUE_NULL)
        TRY(value_map_set(into, "name", base_name(path), m->why));
    return ERR_OK;
}

/* An endpoint that nothing tells from others, a port alone, is none (OCSF, "at_least_one" of endpoint). */
static bool is_nameless(const struct map_node *node, const struct value_map_builder *object)
{
    static const struct str endpoints[] = { STR_INIT("src_endpoint"), STR_INIT("dst_endpoint"),
        STR_INIT("device") };
    static const char *const names[] = { "ip", "hostname", "name", "uid", "svc_name", "interface_name" };
    bool is_endpoint = false;
    for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++)
        is_endpoint = is_endpoint || str_equal(node->name, endpoints[i]);
    for (size_t i = 0; is_endpoint && i < sizeof(names) / sizeof(names[0]); i++) {
        if (mapping_built(object, names[i]).type != VALUE_NULL)
            return false;
    }
    return is_endpoint;
}

static enum err keep_parts(
    struct mapping *m, const struct map_node *node, const struct value_map_builder *object)
{
    for (uint32_t i = 0; i < object->count; i++) {
        struct str path;
        TRY(arena_printf(m->arena, &path, m->why, "%.*s.%.*s", STR_ARG(node->name),
            STR_ARG(value_str(object->entries[i].key))));
        TRY(value_map_put(&m->unmapped, value_outside(path), object->entries[i].value, m->why));
    }
    return ERR_OK;
}

static enum err build_object(struct mapping *m, const struct map_node *node, struct value_map_builder *into)
{
    struct value_map_builder inner;
    value_map_begin(&inner, m->arena);
    TRY(mapping_build(m, node->children, &inner));
    if (inner.count == 0)
        return ERR_OK;
    if (is_nameless(node, &inner))
        return keep_parts(m, node, &inner);
    TRY(complete_object(m, node, &inner));
    return value_map_put(into, value_string(node->name), value_map_end(&inner), m->why);
}

enum err mapping_build(struct mapping *m, const struct map_node *first, struct value_map_builder *into)
{
    for (const struct map_node *node = first; node; node = node->next)
        TRY(node->field ? build_leaf(m, node, into) : build_object(m, node, into));
    return ERR_OK;
}

/* All but those that need what the survey finds. */
static enum err build_body(struct mapping *m)
{
    for (const struct map_node *node = m->source->mapping; node; node = node->next) {
        if (str_equal(node->name, STR("finding_info")) || str_equal(node->name, STR("metadata")))
            continue;
        if (str_equal(node->name, STR("unmapped")))
            TRY(mapping_build(m, node->children, &m->unmapped));
        else
            TRY(node->field ? build_leaf(m, node, &m->body) : build_object(m, node, &m->body));
    }
    return ERR_OK;
}

/* ---- observables ---- */

struct observing {
    struct mapping *mapping;
    const struct observable_rule *rule;
};

static enum err observe_text(void *context, struct str text, struct err_info *why)
{
    const struct observing *observing = context;
    const struct observable_rule *rule = observing->rule;
    if (rule->type == OBSERVABLE_IP && !text_is_ip(text))
        return ERR_OK;
    return observations_add(&observing->mapping->observations, rule->type, text, rule->name, why);
}

static enum err observe_rules(struct mapping *m)
{
    for (uint32_t i = 0; i < m->source->observable_count; i++) {
        struct observing observing = { m, &m->source->observables[i] };
        struct value v;
        TRY(rule_eval(m, &observing.rule->rule, &v));
        TRY(texts_each(m, v, observe_text, &observing));
    }
    return ERR_OK;
}

/* ---- severity and time ---- */

static bool severity_by_word(const struct source *source, struct value v, enum severity *ret)
{
    int64_t number = 0;
    for (uint32_t i = 0; i < source->severity_word_count; i++) {
        struct str word = source->severity_words[i].word;
        bool is_same = v.type == VALUE_STRING ? str_equal_nocase(word, value_str(v))
            : v.type == VALUE_INT             ? str_to_int(word, &number) && number == v.integer
            : v.type == VALUE_BOOL            ? str_equal(word, v.boolean ? STR("true") : STR("false"))
                                              : false;
        if (is_same) {
            *ret = source->severity_words[i].severity;
            return true;
        }
    }
    return false;
}

static enum severity severity_by_survey(const struct survey *survey)
{
    enum severity severity;
    if (grade_parse(survey->found[SURVEY_SEVERITY_ID], GRADE_OCSF, &severity) ||
        grade_parse(survey->found[SURVEY_SEVERITY], GRADE_RISING, &severity) ||
        grade_parse(survey->found[SURVEY_PRIORITY], GRADE_PRIORITY, &severity))
        return severity;
    return SEVERITY_UNKNOWN;
}

static enum err find_severity(struct mapping *m, enum severity *ret)
{
    const struct source *source = m->source;
    struct value v;
    TRY(rule_eval(m, &source->severity, &v));
    if (v.type == VALUE_DOUBLE && source->severity_words)
        v = value_int((int64_t)v.number);
    bool is_known = source->severity_words ? severity_by_word(source, v, ret)
                                           : grade_parse(v, GRADE_OCSF, ret);
    if (is_known)
        return ERR_OK;
    *ret = source->has_severity_default ? source->severity_default : severity_by_survey(&m->survey);
    return ERR_OK;
}

static enum err set_time(struct mapping *m)
{
    struct value v;
    struct instant at = m->received;
    TRY(rule_eval(m, &m->source->time, &v));
    if (!when_parse(v, &at) && !when_parse(m->survey.found[SURVEY_TIME], &at))
        at = m->received;
    TRY(value_map_set(&m->body, "time", value_int(at.us / US_PER_MS), m->why));
    return value_map_set(&m->body, "time_dt", value_from_instant(at), m->why);
}

/* ---- guesses: sources that know the product's shape do without ---- */

static enum err guess(struct mapping *m, const char *object, const char *field, enum survey_role role)
{
    struct value found = m->survey.found[role];
    struct value_map_builder inner;
    if (found.type == VALUE_NULL || mapping_find(m->source->mapping, str_of(object)))
        return ERR_OK;
    value_map_begin(&inner, m->arena);
    TRY(value_map_set(&inner, field, found, m->why));
    if (role == SURVEY_HOST)
        TRY(value_map_set(&inner, "type_id", value_int(0), m->why));
    return value_map_set(&m->body, object, value_map_end(&inner), m->why);
}

static enum err set_guesses(struct mapping *m)
{
    if (!m->source->is_guessing)
        return ERR_OK;
    TRY(guess(m, "src_endpoint", "ip", SURVEY_SOURCE_IP));
    TRY(guess(m, "dst_endpoint", "ip", SURVEY_TARGET_IP));
    TRY(guess(m, "device", "hostname", SURVEY_HOST));
    return guess(m, "user", "name", SURVEY_USER);
}

/* ---- metadata ---- */

static enum err set_product(struct mapping *m, const struct map_node *mapped, struct value_map_builder *into)
{
    struct value_map_builder product;
    const struct map_node *node = mapping_find(mapped, STR("product"));
    struct str name = m->source->product, vendor = m->source->vendor;
    if (m->source->is_guessing && m->survey.found[SURVEY_PRODUCT].type == VALUE_STRING)
        name = value_str(m->survey.found[SURVEY_PRODUCT]);
    if (m->source->is_guessing && m->survey.found[SURVEY_VENDOR].type == VALUE_STRING)
        vendor = value_str(m->survey.found[SURVEY_VENDOR]);
    value_map_begin(&product, m->arena);
    TRY(value_map_set(&product, "name", value_string(name.size > 0 ? name : m->name), m->why));
    if (vendor.size > 0)
        TRY(value_map_set(&product, "vendor_name", value_string(vendor), m->why));
    if (m->source->product_version.size > 0)
        TRY(value_map_set(&product, "version", value_string(m->source->product_version), m->why));
    if (node)
        TRY(mapping_build(m, node->children, &product));
    return value_map_set(into, "product", value_map_end(&product), m->why);
}

static enum err set_metadata(struct mapping *m)
{
    static const struct value profile = { .type = VALUE_STRING, .size = 8, .bytes = "datetime" };
    const struct map_node *node = mapping_find(m->source->mapping, STR("metadata"));
    struct value_map_builder metadata;
    struct value_list_builder profiles;
    value_map_begin(&metadata, m->arena);
    value_list_begin(&profiles, m->arena);
    TRY(value_list_add(&profiles, profile, m->why));
    TRY(value_map_set(&metadata, "version", value_string(STR(OCSF_VERSION)), m->why));
    TRY(value_map_set(&metadata, "profiles", value_list_end(&profiles), m->why));
    TRY(value_map_set(&metadata, "logged_time", value_int(m->received.us / US_PER_MS), m->why));
    if (node)
        TRY(mapping_build(m, node->children, &metadata));
    TRY(set_product(m, node ? node->children : NULL, &metadata));
    return value_map_set(&m->body, "metadata", value_map_end(&metadata), m->why);
}

static enum err set_class(struct mapping *m)
{
    struct value_map_builder *body = &m->body;
    TRY(value_map_set(body, "class_uid", value_int(OCSF_CLASS_UID), m->why));
    TRY(value_map_set(body, "class_name", value_string(STR("Detection Finding")), m->why));
    TRY(value_map_set(body, "category_uid", value_int(OCSF_CATEGORY_UID), m->why));
    TRY(value_map_set(body, "category_name", value_string(STR("Findings")), m->why));
    TRY(value_map_set(body, "activity_id", value_int(OCSF_ACTIVITY_CREATE), m->why));
    TRY(value_map_set(body, "activity_name", value_string(STR("Create")), m->why));
    TRY(value_map_set(body, "type_uid", value_int(OCSF_CLASS_UID * 100 + OCSF_ACTIVITY_CREATE), m->why));
    TRY(value_map_set(body, "type_name", value_string(STR("Detection Finding: Create")), m->why));
    return value_map_set(body, "is_alert", value_bool(true), m->why);
}

/* ---- tags ---- */

static enum err add_tag(void *context, struct str text, struct err_info *why)
{
    struct value_list_builder *tags = context;
    text = utf8_cut(text, TAG_BYTES_MAX);
    for (uint32_t i = 0; i < tags->count; i++) {
        if (value_is_text(tags->items[i], text))
            return ERR_OK;
    }
    return tags->count < TAGS_MAX ? value_list_add(tags, value_outside(text), why) : ERR_OK;
}

static enum err find_tags(struct mapping *m, struct value *ret)
{
    struct value_list_builder tags;
    value_list_begin(&tags, m->arena);
    /* All ways count here, not the first alone. */
    for (uint32_t i = 0; i < m->source->tags.count; i++) {
        struct value v;
        TRY(way_eval(m, &m->source->tags.ways[i], &v));
        TRY(texts_each(m, v, add_tag, &tags));
    }
    *ret = value_list_end(&tags);
    return ERR_OK;
}

static enum err set_rest(struct mapping *m)
{
    struct value finding;
    TRY(finding_build(m, &finding));
    TRY(value_map_set(&m->body, "finding_info", finding, m->why));
    TRY(set_guesses(m));
    TRY(set_time(m));
    TRY(set_metadata(m));
    TRY(value_map_set(&m->body, "observables", value_list_end(&m->observations.items), m->why));
    if (m->unmapped.count > 0)
        TRY(value_map_set(&m->body, "unmapped", value_map_end(&m->unmapped), m->why));
    return ERR_OK;
}

/* A text as the source reads it, such as a line of CEF; one that it can't read stays a text. The raw bytes
 * and what playbooks see as the event stay as they came. */
static enum err parse_text(struct mapping *m)
{
    struct value v;
    if (m->event.type != VALUE_STRING)
        return ERR_OK;
    TRY(rule_eval(m, &m->source->parse, &v));
    if (v.type != VALUE_NULL)
        m->event = m->slots[SOURCE_EVENT] = v;
    return ERR_OK;
}

enum err mapping_apply(const struct source *source, struct str name, struct value event,
    struct instant received, struct arena *arena, struct mapped *ret, struct err_info *why)
{
    struct mapping m = {
        .source = source, .name = name, .event = event, .received = received, .arena = arena, .why = why
    };
    struct mapped mapped = { .window_us = source->window_us };
    AUTO(arena) struct arena scratch = { 0 };
    m.slots[SOURCE_EVENT] = event;
    m.slots[SOURCE_NAME] = value_string(name);
    m.slots[SOURCE_RECEIVED] = value_from_instant(received);
    expr_values_init(&m.activation, m.slots, SOURCE_SLOT_COUNT);
    value_map_begin(&m.body, arena);
    value_map_begin(&m.unmapped, arena);
    observations_begin(&m.observations, arena, &scratch);
    TRY(parse_text(&m));
    TRY(set_class(&m));
    TRY(build_body(&m));
    TRY(observe_rules(&m));
    TRY(survey_run(&m.survey, m.event, source->is_extracting, &m.observations, why));
    TRY(set_rest(&m));
    TRY(find_severity(&m, &mapped.severity));
    TRY(find_tags(&m, &mapped.tags));
    TRY(fingerprint_make(&m, &mapped));
    mapped.has_duplicate_keys = m.survey.has_duplicate_keys;
    mapped.body = value_map_end(&m.body);
    *ret = mapped;
    return ERR_OK;
}
