#include "connect/answer_shape.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

/* JSON knows one kind of number; int and double are told apart where an answer has both. */
enum seen_type {
    SEEN_NULL,
    SEEN_BOOL,
    SEEN_INT,
    SEEN_DOUBLE,
    SEEN_STRING,
    SEEN_LIST,
    SEEN_MAP,
    SEEN_OTHER, /* sealed values, times, addresses */
    SEEN_TYPES,
};
static const char *const type_names[SEEN_TYPES] = { "null", "bool", "int", "double", "string", "list", "map",
    "other" };

struct choice {
    char text[ANSWER_SHAPE_CHOICE_BYTES_MAX];
    uint8_t size;
    uint64_t count;
};

struct shape_node {
    struct str name; /* owned; "[]" of a list's items */
    uint64_t asked; /* how often its object was there */
    uint64_t seen[SEEN_TYPES];
    struct choice *choices; /* ANSWER_SHAPE_CHOICES_MAX; NULL: none yet, or too many */
    uint8_t choice_count;
    bool has_many_choices;
    struct shape_node **children; /* in the order in which they were met; the items' node first if any */
    uint32_t child_count, child_room;
    int64_t reported_us[DRIFT_KIND_COUNT];
};

struct answer_shape {
    struct shape_node root;
    uint32_t node_count;
};

struct looking {
    struct answer_shape *shape;
    struct instant now;
    answer_shape_report *report;
    void *context;
    const struct str *path[ANSWER_SHAPE_DEPTH_MAX + 1];
    unsigned depth;
};

const char *drift_kind_name(enum drift_kind kind)
{
    static const char *const names[] = { "missing", "type", "null", "value", "declared" };
    return kind < DRIFT_KIND_COUNT ? names[kind] : "unknown";
}

/* ---- nodes ---- */

static void node_done(struct shape_node *node)
{
    for (uint32_t i = 0; i < node->child_count; i++) {
        node_done(node->children[i]);
        memory_free(node->children[i]);
    }
    memory_free(node->children);
    memory_free(node->choices);
    memory_free((void *)(uintptr_t)node->name.data);
}

static struct shape_node *find_child(const struct shape_node *node, struct str name, uint32_t hint)
{
    if (hint < node->child_count && str_equal(node->children[hint]->name, name))
        return node->children[hint];
    for (uint32_t i = 0; i < node->child_count; i++)
        if (str_equal(node->children[i]->name, name))
            return node->children[i];
    return NULL;
}

/* NULL at a limit and without memory. */
static struct shape_node *add_child(struct answer_shape *shape, struct shape_node *node, struct str name)
{
    if (shape->node_count == ANSWER_SHAPE_NODES_MAX || node->child_count == ANSWER_SHAPE_CHILDREN_MAX)
        return NULL;
    if (node->child_count == node->child_room) {
        uint32_t room = node->child_room ? node->child_room * 2 : 8;
        void *more = memory_realloc(node->children, room * sizeof(struct shape_node *));
        if (!more)
            return NULL;
        node->children = more;
        node->child_room = room;
    }
    struct shape_node *child = memory_alloc(sizeof(*child));
    char *copy = memory_alloc(name.size + 1);
    if (!child || !copy) {
        memory_free(child);
        memory_free(copy);
        return NULL;
    }
    memset(child, 0, sizeof(*child));
    if (name.size > 0)
        memcpy(copy, name.data, name.size);
    copy[name.size] = '\0';
    child->name = (struct str){ copy, name.size };
    node->children[node->child_count++] = child;
    shape->node_count++;
    return child;
}

enum err answer_shape_new(struct answer_shape **ret, struct err_info *why)
{
    struct answer_shape *shape = memory_alloc(sizeof(*shape));
    if (!shape)
        return err_memory(why);
    memset(shape, 0, sizeof(*shape));
    *ret = shape;
    return ERR_OK;
}

void answer_shape_free(struct answer_shape *shape)
{
    if (!shape)
        return;
    node_done(&shape->root);
    memory_free(shape);
}

uint64_t answer_shape_count(const struct answer_shape *shape)
{
    return shape->root.asked;
}

/* ---- reporting ---- */

static uint64_t times_there(const struct shape_node *node)
{
    uint64_t sum = 0;
    for (int i = 0; i < SEEN_TYPES; i++)
        sum += node->seen[i];
    return sum;
}

static void print_before(struct buf *buf, const struct shape_node *node)
{
    const char *comma = "";
    for (int i = 0; i < SEEN_TYPES; i++)
        if (node->seen[i] > 0) {
            buf_printf(buf, "%s%s", comma, type_names[i]);
            comma = " or ";
        }
    buf_printf(buf, ", in %llu of %llu answers", (unsigned long long)times_there(node),
        (unsigned long long)node->asked);
    for (uint8_t i = 0; i < node->choice_count; i++)
        buf_printf(buf, "%s\"%.*s\"", i ? ", " : ": ", (int)node->choices[i].size, node->choices[i].text);
}

static void print_path(struct buf *buf, const struct looking *looking)
{
    for (unsigned i = 0; i < looking->depth; i++) {
        bool is_items = str_equal(*looking->path[i], STR("[]"));
        if (buf->size > 0 && !is_items)
            buf_add_byte(buf, '.');
        buf_add(buf, *looking->path[i]);
    }
}

static void tell(struct looking *looking, struct shape_node *node, enum drift_kind kind, struct str now)
{
    AUTO(buf) struct buf field = { 0 };
    AUTO(buf) struct buf before = { 0 };
    int64_t again = node->reported_us[kind] + ANSWER_SHAPE_REPORT_AGAIN_SECONDS * US_PER_S;
    if (node->reported_us[kind] != 0 && looking->now.us < again)
        return;
    print_path(&field, looking);
    print_before(&before, node);
    if (buf_check(&field, NULL) != ERR_OK || buf_check(&before, NULL) != ERR_OK)
        return; /* the next answer of this kind tells it */
    node->reported_us[kind] = looking->now.us;
    const struct drift drift = { kind, buf_str(&field), buf_str(&before), now };
    looking->report(looking->context, &drift);
}

/* ---- looking and learning ---- */

static enum seen_type type_of(struct value v)
{
    switch (v.type) {
    case VALUE_NULL: return SEEN_NULL;
    case VALUE_BOOL: return SEEN_BOOL;
    case VALUE_INT:
    case VALUE_UINT: return SEEN_INT;
    case VALUE_DOUBLE: return SEEN_DOUBLE;
    case VALUE_STRING: return SEEN_STRING;
    case VALUE_LIST: return SEEN_LIST;
    case VALUE_MAP: return SEEN_MAP;
    default: return SEEN_OTHER;
    }
}

static bool is_rare(uint64_t count, uint64_t all)
{
    return count * 100 < all;
}

static void look_at_type(struct looking *looking, struct shape_node *node, enum seen_type type)
{
    uint64_t there = times_there(node), alike = node->seen[type];
    if (type == SEEN_INT || type == SEEN_DOUBLE)
        alike = node->seen[SEEN_INT] + node->seen[SEEN_DOUBLE];
    if (there >= ANSWER_SHAPE_KNOWN_AFTER && is_rare(alike, there))
        tell(looking, node, type == SEEN_NULL ? DRIFT_NULL : DRIFT_TYPE, str_of(type_names[type]));
}

static void forget_choices(struct shape_node *node)
{
    memory_free(node->choices);
    node->choices = NULL;
    node->choice_count = 0;
    node->has_many_choices = true;
}

static void add_choice(struct shape_node *node, struct str text)
{
    if (node->choice_count == ANSWER_SHAPE_CHOICES_MAX) {
        forget_choices(node);
        return;
    }
    if (!node->choices)
        node->choices = memory_alloc(ANSWER_SHAPE_CHOICES_MAX * sizeof(struct choice));
    if (!node->choices)
        return;
    struct choice *choice = &node->choices[node->choice_count++];
    *choice = (struct choice){ .size = (uint8_t)text.size, .count = 1 };
    if (text.size > 0)
        memcpy(choice->text, text.data, text.size);
}

/* Texts count as enum-like while they are few beside the answers that have them. */
static void look_at_text(struct looking *looking, struct shape_node *node, struct str text)
{
    uint64_t known = 0;
    if (node->has_many_choices)
        return;
    if (text.size > ANSWER_SHAPE_CHOICE_BYTES_MAX) {
        forget_choices(node);
        return;
    }
    for (uint8_t i = 0; i < node->choice_count; i++) {
        if (node->choices[i].size == text.size &&
            (text.size == 0 || memcmp(node->choices[i].text, text.data, text.size) == 0)) {
            node->choices[i].count++;
            return;
        }
        known += node->choices[i].count;
    }
    if (known >= ANSWER_SHAPE_CHOICES_KNOWN_AFTER && is_rare(node->choice_count, known)) {
        char now[ANSWER_SHAPE_CHOICE_BYTES_MAX + 3];
        snprintf(now, sizeof(now), "\"%.*s\"", STR_ARG(text));
        tell(looking, node, DRIFT_VALUE, str_of(now));
    }
    add_choice(node, text);
}

static void look(struct looking *looking, struct shape_node *node, struct value v);

static void look_at_child(struct looking *looking, struct shape_node *child, const struct value *found)
{
    looking->path[looking->depth++] = &child->name;
    uint64_t there = times_there(child);
    if (!found && child->asked >= ANSWER_SHAPE_KNOWN_AFTER && is_rare(child->asked - there, child->asked))
        tell(looking, child, DRIFT_MISSING, STR("missing"));
    if (found)
        look(looking, child, *found);
    else
        child->asked++;
    looking->depth--;
}

static void look_at_map(struct looking *looking, struct shape_node *node, struct value v)
{
    const struct value_entry *entries = value_map_entries(v);
    uint32_t known = node->child_count;
    for (uint32_t i = 0; i < known; i++) {
        struct shape_node *child = node->children[i];
        /* Answers of one kind have their fields in one order. */
        bool is_next = i < v.size && entries[i].key.type == VALUE_STRING &&
            str_equal(value_str(entries[i].key), child->name);
        look_at_child(looking, child, is_next ? &entries[i].value : value_map_find(v, child->name));
    }
    for (uint32_t i = 0; i < v.size && i < ANSWER_SHAPE_CHILDREN_MAX; i++) {
        if (entries[i].key.type != VALUE_STRING || find_child(node, value_str(entries[i].key), i))
            continue;
        struct shape_node *child = add_child(looking->shape, node, value_str(entries[i].key));
        if (!child)
            continue;
        /* It was missing in all the answers before. */
        child->asked = node->seen[SEEN_MAP] > 0 ? node->seen[SEEN_MAP] - 1 : 0;
        look_at_child(looking, child, &entries[i].value);
    }
}

static void look_at_list(struct looking *looking, struct shape_node *node, struct value v)
{
    struct shape_node *items = find_child(node, STR("[]"), 0);
    if (!items && v.size > 0)
        items = add_child(looking->shape, node, STR("[]"));
    for (uint32_t i = 0; items && i < v.size && i < ANSWER_SHAPE_ITEMS_LOOKED_AT; i++)
        look_at_child(looking, items, &v.items[i]);
}

static void look(struct looking *looking, struct shape_node *node, struct value v)
{
    enum seen_type type = type_of(v);
    look_at_type(looking, node, type);
    if (type == SEEN_STRING)
        look_at_text(looking, node, value_str(v));
    node->seen[type]++;
    node->asked++;
    if (looking->depth == ANSWER_SHAPE_DEPTH_MAX)
        return;
    if (type == SEEN_MAP)
        look_at_map(looking, node, v);
    else if (type == SEEN_LIST)
        look_at_list(looking, node, v);
}

void answer_shape_observe(struct answer_shape *shape, struct value answer, struct instant now,
    answer_shape_report *report, void *context)
{
    struct looking looking = { .shape = shape, .now = now, .report = report, .context = context };
    look(&looking, &shape->root, answer);
}

/* ---- as a type ---- */

/* The one kind that was seen, nulls aside; SEEN_TYPES when there were several or none. */
static enum seen_type only_kind(const struct shape_node *node)
{
    enum seen_type found = SEEN_TYPES;
    for (int i = SEEN_NULL + 1; i < SEEN_TYPES; i++) {
        if (node->seen[i] == 0)
            continue;
        bool is_number = (found == SEEN_INT || found == SEEN_DOUBLE) && i == SEEN_DOUBLE;
        if (found != SEEN_TYPES && !is_number)
            return SEEN_TYPES;
        found = (enum seen_type)i;
    }
    return found;
}

static const struct type *type_of_node(const struct shape_node *node, struct arena *arena);

static const struct type *record_type(const struct shape_node *node, struct arena *arena)
{
    struct type *type = ARENA_NEW(arena, struct type);
    struct type_field *fields = ARENA_ARRAY(arena, node->child_count + 1, struct type_field);
    if (!type || !fields)
        return &type_dyn;
    for (uint32_t i = 0; i < node->child_count; i++) {
        const struct shape_node *child = node->children[i];
        fields[i] = (struct type_field){ .type = type_of_node(child, arena),
            .is_required = is_rare(child->asked - times_there(child), child->asked) };
        if (arena_str(arena, child->name, &fields[i].name, NULL) != ERR_OK)
            return &type_dyn;
    }
    *type = (struct type){
        .kind = TYPE_RECORD, .fields = fields, .field_count = node->child_count, .is_open = true
    };
    return type;
}

static const struct type *list_type(const struct shape_node *node, struct arena *arena)
{
    const struct shape_node *items = find_child(node, STR("[]"), 0);
    const struct type *type = type_list_of(arena, items ? type_of_node(items, arena) : &type_dyn);
    return type ? type : &type_dyn;
}

static const struct type *bare_type(const struct shape_node *node, struct arena *arena)
{
    switch (only_kind(node)) {
    case SEEN_BOOL: return &type_bool;
    case SEEN_INT: return &type_int;
    case SEEN_DOUBLE: return &type_double;
    case SEEN_STRING: return &type_string;
    case SEEN_LIST: return list_type(node, arena);
    case SEEN_MAP: return record_type(node, arena);
    default: return &type_dyn;
    }
}

static const struct type *type_of_node(const struct shape_node *node, struct arena *arena)
{
    const struct type *bare = bare_type(node, arena);
    if (node->seen[SEEN_NULL] == 0 || bare->kind == TYPE_DYN)
        return bare;
    struct type *nullable = ARENA_NEW(arena, struct type);
    if (!nullable)
        return &type_dyn;
    *nullable = (struct type){ .kind = TYPE_NULLABLE, .item = bare };
    return nullable;
}

const struct type *answer_shape_type(const struct answer_shape *shape, struct arena *arena)
{
    return shape->root.asked < ANSWER_SHAPE_KNOWN_AFTER ? NULL : type_of_node(&shape->root, arena);
}

/* ---- as a value ---- */

static FALLIBLE describe_counts(
    const struct shape_node *node, struct value_map_builder *map, struct err_info *why)
{
    struct value_map_builder types;
    value_map_begin(&types, map->arena);
    for (int i = 0; i < SEEN_TYPES; i++)
        if (node->seen[i] > 0)
            TRY(value_map_set(&types, type_names[i], value_uint(node->seen[i]), why));
    TRY(value_map_set(map, "seen", value_uint(node->asked), why));
    TRY(value_map_set(map, "types", value_map_end(&types), why));
    if (node->choice_count == 0)
        return ERR_OK;
    struct value_map_builder choices;
    value_map_begin(&choices, map->arena);
    for (uint8_t i = 0; i < node->choice_count; i++) {
        struct str text;
        TRY(arena_str(map->arena, (struct str){ node->choices[i].text, node->choices[i].size }, &text, why));
        TRY(value_map_put(&choices, value_string(text), value_uint(node->choices[i].count), why));
    }
    return value_map_set(map, "choices", value_map_end(&choices), why);
}

static FALLIBLE describe(
    const struct shape_node *node, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_map_builder map, fields;
    value_map_begin(&map, arena);
    value_map_begin(&fields, arena);
    TRY(describe_counts(node, &map, why));
    for (uint32_t i = 0; i < node->child_count; i++) {
        struct value child;
        struct str name;
        TRY(describe(node->children[i], arena, &child, why));
        TRY(arena_str(arena, node->children[i]->name, &name, why));
        if (str_equal(name, STR("[]")))
            TRY(value_map_set(&map, "items", child, why));
        else
            TRY(value_map_put(&fields, value_string(name), child, why));
    }
    if (fields.count > 0)
        TRY(value_map_set(&map, "fields", value_map_end(&fields), why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

enum err answer_shape_describe(
    const struct answer_shape *shape, struct arena *arena, struct value *ret, struct err_info *why)
{
    return describe(&shape->root, arena, ret, why);
}

static FALLIBLE read_count(struct value v, uint64_t *ret, struct err_info *why)
{
    if (v.type == VALUE_UINT)
        *ret = v.uinteger;
    else if (v.type == VALUE_INT && v.integer >= 0)
        *ret = (uint64_t)v.integer;
    else
        return err_named(why, ERR_INVALID, "shape", "a stored shape has a count that is no number");
    return ERR_OK;
}

static FALLIBLE restore_counts(struct value described, struct shape_node *node, struct err_info *why)
{
    struct value types = value_get(described, STR("types")), choices = value_get(described, STR("choices"));
    TRY(read_count(value_get(described, STR("seen")), &node->asked, why));
    for (int i = 0; i < SEEN_TYPES; i++) {
        const struct value *count = value_map_find(types, str_of(type_names[i]));
        if (count)
            TRY(read_count(*count, &node->seen[i], why));
    }
    node->has_many_choices = choices.type != VALUE_MAP && node->seen[SEEN_STRING] > 0;
    for (uint32_t i = 0; choices.type == VALUE_MAP && i < choices.size && i < ANSWER_SHAPE_CHOICES_MAX; i++) {
        const struct value_entry *entry = &value_map_entries(choices)[i];
        if (entry->key.type != VALUE_STRING || entry->key.size > ANSWER_SHAPE_CHOICE_BYTES_MAX)
            continue;
        add_choice(node, value_str(entry->key));
        if (node->choice_count == i + 1)
            TRY(read_count(entry->value, &node->choices[i].count, why));
    }
    return ERR_OK;
}

static FALLIBLE restore(struct answer_shape *shape, struct value described, struct shape_node *node,
    unsigned depth, struct err_info *why)
{
    struct value fields = value_get(described, STR("fields"));
    const struct value *items = value_map_find(described, STR("items"));
    if (depth > ANSWER_SHAPE_DEPTH_MAX)
        return err_named(why, ERR_LIMIT, "ANSWER_SHAPE_DEPTH_MAX", "a stored shape is nested too deep");
    TRY(restore_counts(described, node, why));
    if (items) {
        struct shape_node *child = add_child(shape, node, STR("[]"));
        if (!child)
            return err_memory(why);
        TRY(restore(shape, *items, child, depth + 1, why));
    }
    for (uint32_t i = 0; fields.type == VALUE_MAP && i < fields.size; i++) {
        const struct value_entry *entry = &value_map_entries(fields)[i];
        struct shape_node *child = entry->key.type == VALUE_STRING
            ? add_child(shape, node, value_str(entry->key))
            : NULL;
        if (!child)
            return err_memory(why);
        TRY(restore(shape, entry->value, child, depth + 1, why));
    }
    return ERR_OK;
}

enum err answer_shape_restore(struct value described, struct answer_shape **ret, struct err_info *why)
{
    struct answer_shape *shape;
    TRY(answer_shape_new(&shape, why));
    enum err result = restore(shape, described, &shape->root, 0, why);
    if (result != ERR_OK) {
        answer_shape_free(shape);
        return result;
    }
    *ret = shape;
    return ERR_OK;
}
