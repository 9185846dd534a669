/* finding_info: title, uid, what is known about the technique; and what makes two findings one. */
#include <sodium.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "ingest/mapping_impl.h"

struct str first_line(struct str text)
{
    text = str_trim(text);
    ptrdiff_t end = str_find_byte(text, '\n', 0);
    if (end >= 0)
        text = str_trim(str_slice(text, 0, (size_t)end));
    return utf8_cut(text, ALERT_TITLE_BYTES_MAX);
}

/* ---- techniques ---- */

struct attacks {
    struct mapping *mapping;
    struct value_list_builder items;
};

static bool are_digits(struct str text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    }
    return text.size > 0;
}

static enum err set_part(
    struct mapping *m, struct value_map_builder *attack, const char *part, struct str uid)
{
    struct value_map_builder inner;
    value_map_begin(&inner, m->arena);
    TRY(value_map_set(&inner, "uid", value_string(uid), m->why));
    return value_map_set(attack, part, value_map_end(&inner), m->why);
}

/* "T1110", "T1110.001", "TA0006", with "attack." before it as in Sigma, in any case. Others are no ids. */
static enum err add_attack(void *context, struct str text, struct err_info *why)
{
    struct attacks *attacks = context;
    struct mapping *m = attacks->mapping;
    if (str_starts(text, STR("attack.")))
        text = str_slice(text, 7, text.size);
    if (text.size < 5 || text.size > 9 || attacks->items.count == TAGS_MAX)
        return ERR_OK;
    char *bytes = arena_bytes(m->arena, text.size);
    if (!bytes)
        return err_memory(why);
    for (size_t i = 0; i < text.size; i++)
        bytes[i] = text.data[i] >= 'a' && text.data[i] <= 'z' ? (char)(text.data[i] - 32) : text.data[i];
    struct str id = { bytes, text.size };
    struct value_map_builder attack;
    value_map_begin(&attack, m->arena);
    if (str_starts(id, STR("TA")) && id.size == 6 && are_digits(str_slice(id, 2, 6))) {
        TRY(set_part(m, &attack, "tactic", id));
    } else if (id.data[0] == 'T' && are_digits(str_slice(id, 1, 5)) &&
        (id.size == 5 || (id.size == 9 && id.data[5] == '.' && are_digits(str_slice(id, 6, 9))))) {
        TRY(set_part(m, &attack, "technique", str_slice(id, 0, 5)));
        if (id.size == 9)
            TRY(set_part(m, &attack, "sub_technique", id));
    } else {
        return ERR_OK;
    }
    return value_list_add(&attacks->items, value_map_end(&attack), why);
}

static enum err set_attacks(struct mapping *m, struct value_map_builder *finding)
{
    struct attacks attacks = { .mapping = m };
    value_list_begin(&attacks.items, m->arena);
    for (uint32_t i = 0; i < m->source->attack.count; i++) {
        struct value v;
        TRY(way_eval(m, &m->source->attack.ways[i], &v));
        TRY(texts_each(m, v, add_attack, &attacks));
    }
    if (attacks.items.count == 0)
        return ERR_OK;
    return value_map_set(finding, "attacks", value_list_end(&attacks.items), m->why);
}

/* ---- title and uid ---- */

/* What the source maps, else what looks like a title, else the event when it is a text. */
static enum err find_title(struct mapping *m, struct value mapped, struct value *ret)
{
    const struct value ways[] = { mapped, m->survey.found[SURVEY_TITLE], m->survey.found[SURVEY_DESCRIPTION],
        m->event };
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        *ret = value_outside(ways[i].type == VALUE_STRING ? first_line(value_str(ways[i])) : STR(""));
        if (ret->size > 0)
            return ERR_OK;
    }
    struct str text;
    TRY(arena_printf(m->arena, &text, m->why, "Event from %.*s", STR_ARG(m->name)));
    *ret = value_string(text);
    return ERR_OK;
}

static enum err hash_text(struct mapping *m, struct str bytes, struct str *ret)
{
    unsigned char hash[16];
    AUTO(buf) struct buf hex = { 0 };
    (void)crypto_generichash(hash, sizeof(hash), (const unsigned char *)bytes.data, bytes.size, NULL,
        0); /* only wrong sizes fail */
    hex_add(&hex, (struct str){ (const char *)hash, sizeof(hash) });
    TRY(buf_check(&hex, m->why));
    return arena_str(m->arena, buf_str(&hex), ret, m->why);
}

/* OCSF requires one: the product's own, or else what the event holds, hashed. */
static enum err find_uid(struct mapping *m, struct value *ret)
{
    struct value uid;
    TRY(field_convert(m, OCSF_STRING, m->survey.found[SURVEY_UID], &uid));
    if (uid.type == VALUE_STRING && uid.size <= 256) {
        *ret = uid;
        return ERR_OK;
    }
    AUTO(buf) struct buf json = { 0 };
    struct str hash;
    json_print(&json, m->event, JSON_CANONICAL);
    TRY(buf_check(&json, m->why));
    TRY(hash_text(m, buf_str(&json), &hash));
    *ret = value_string(hash);
    return ERR_OK;
}

static bool has_field(const struct value_map_builder *map, const char *name)
{
    return mapping_built(map, name).type != VALUE_NULL;
}

enum err finding_build(struct mapping *m, struct value *ret)
{
    const struct map_node *node = mapping_find(m->source->mapping, STR("finding_info"));
    struct value_map_builder finding;
    struct value title;
    value_map_begin(&finding, m->arena);
    if (node)
        TRY(mapping_build(m, node->children, &finding));
    TRY(find_title(m, mapping_built(&finding, "title"), &title));
    TRY(value_map_set(&finding, "title", title, m->why));
    if (!has_field(&finding, "uid")) {
        struct value uid;
        TRY(find_uid(m, &uid));
        TRY(value_map_set(&finding, "uid", uid, m->why));
    }
    struct value description = m->survey.found[SURVEY_DESCRIPTION];
    if (m->source->is_guessing && description.type == VALUE_STRING && !has_field(&finding, "desc"))
        TRY(value_map_set(&finding, "desc", description, m->why));
    if (!has_field(&finding, "attacks"))
        TRY(set_attacks(m, &finding));
    *ret = value_map_end(&finding);
    return ERR_OK;
}

/* ---- fingerprint ---- */

/* The source's name and each part as canonical JSON, a line each: JSON has no raw line ends, so no two
 * lists of parts read the same. The format is stored in effect and stays. */
enum err fingerprint_make(struct mapping *m, struct mapped *ret)
{
    AUTO(buf) struct buf text = { 0 };
    bool has_part = false;
    buf_add(&text, m->name);
    for (uint32_t i = 0; i < m->source->fingerprint_count; i++) {
        struct value v;
        TRY(rule_eval(m, &m->source->fingerprint[i], &v));
        has_part = has_part || v.type != VALUE_NULL;
        buf_add_byte(&text, '\n');
        json_print(&text, v, JSON_CANONICAL);
    }
    TRY(buf_check(&text, m->why));
    (void)crypto_generichash(ret->fingerprint.bytes, sizeof(ret->fingerprint.bytes),
        (const unsigned char *)text.data, text.size, NULL, 0); /* only wrong sizes fail */
    /* An event of another shape has none of the parts: nothing says that two such are alike. */
    if (!has_part)
        ret->window_us = 0;
    return ERR_OK;
}
