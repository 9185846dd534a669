#include "lint_files.h"

#include "base/limits.h"
#include "base/rand.h"
#include "base/yaml.h"
#include "embedded.h"
#include "ingest/source.h"
#include "ingest/subject_type.h"

void lint_set_cleanup(struct lint_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        playbook_release(set->files[i].playbook);
    if (set->catalogue != NULL)
        set->source->release(set->source, set->catalogue);
    connect_free(set->connect);
    contracts_free(set->learned);
}

/* Those that were named stand before those inside the binary and hide them. */
const struct playbook *lint_find_playbook(const struct lint_set *set, struct str name)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->files[i].playbook != NULL && str_equal(set->files[i].playbook->name, name))
            return set->files[i].playbook;
    return NULL;
}

static bool find_playbook(const struct playbook_world *world, struct str name, const struct playbook **ret)
{
    const struct playbook *playbook = lint_find_playbook(world->context, name);
    if (playbook != NULL)
        *ret = playbook;
    return playbook != NULL;
}

/* What a broken file was meant to be, by its first key. */
static enum lint_kind guess(struct str text)
{
    static const struct {
        const char *key;
        enum lint_kind kind;
    } kinds[] = { { "playbook:", LINT_PLAYBOOK }, { "connector:", LINT_CONNECTOR },
        { "source:", LINT_SOURCE } };
    struct str rest = text, line;
    while (str_split(&rest, '\n', &line))
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
            if (str_starts(line, str_of(kinds[i].key)))
                return kinds[i].kind;
    return LINT_OTHER;
}

/* A file that was meant to be one of ours: the misspelt key, or one that only ours have. NULL: neither. */
static const struct yaml_node *looks_like_ours(const struct yaml_node *root, const char **ret_meant)
{
    static const char *const kinds[] = { "playbook", "connector", "source" };
    /* Each alone is a key of other tools, too. */
    static const char *const others[][2] = { { "steps", "triggers" }, { "mapping", "fingerprint" },
        { "actions", "base_url" } };
    *ret_meant = NULL;
    for (uint32_t i = 0; root->kind == YAML_MAPPING && i < root->count; i++) {
        const struct yaml_node *key = root->pairs[i].key;
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
            if (str_distance(key->text, str_of(kinds[k]), 2) != 1 ||
                root->pairs[i].value->kind != YAML_SCALAR)
                continue;
            *ret_meant = kinds[k];
            return key;
        }
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (yaml_find(root, str_of(others[i][0])) != NULL && yaml_find(root, str_of(others[i][1])) != NULL)
            return root;
    return NULL;
}

static void check_kind(const struct yaml_node *root, struct diagnostics *found)
{
    const char *meant;
    const struct yaml_node *at = looks_like_ours(root, &meant);
    bool has_kind = yaml_find(root, STR("playbook")) != NULL; /* with `cases`: of another tool */
    if (at == NULL || has_kind)
        return;
    diagnostics_add(found, DIAGNOSTIC_ERROR, "file_kind", at->line, at->column,
        "nothing says what this file is: it needs `playbook:`, `connector:` or `source:`%s%s%s",
        meant ? "; did you mean \"" : "", meant ? meant : "", meant ? "\"?" : "");
}

/* Tells by its keys what a file is. Of a file that is no YAML the reader of its kind says why; of one that is
 * nothing of ours this adds the YAML's own faults. */
static FALLIBLE classify(struct lint_file *file, struct diagnostics *found, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct yaml_node *root;
    bool is_test = str_ends(file->name, STR(".test.yaml"));
    enum err result = yaml_parse(&arena, file->text, &root, why);
    if (result == ERR_INVALID || result == ERR_LIMIT) {
        file->kind = is_test ? LINT_TEST : guess(file->text);
        if (file->kind == LINT_OTHER)
            diagnostics_add(found, DIAGNOSTIC_ERROR, why->name ? why->name : "yaml_syntax", why->line,
                why->column, "%s", why->text);
        return ERR_OK;
    }
    TRY(result);
    if (is_test)
        file->kind = LINT_TEST;
    else if (yaml_find(root, STR("connector")) != NULL)
        file->kind = LINT_CONNECTOR;
    else if (yaml_find(root, STR("source")) != NULL && yaml_find(root, STR("playbook")) == NULL)
        file->kind = LINT_SOURCE;
    else if (yaml_find(root, STR("playbook")) != NULL && yaml_find(root, STR("cases")) == NULL)
        file->kind = LINT_PLAYBOOK;
    else
        check_kind(root, found);
    return ERR_OK;
}

static size_t builtin_count(void)
{
    size_t count = 0;
    while (embedded_content[count].name)
        count++;
    return count;
}

static void add_builtin(struct lint_set *set)
{
    for (size_t i = 0; embedded_content[i].name; i++) {
        struct str name = str_of(embedded_content[i].name);
        struct lint_file file = {
            .name = name, .text = { embedded_content[i].bytes, embedded_content[i].size }, .is_builtin = true
        };
        if (str_starts(name, STR("connectors/")))
            file.kind = LINT_CONNECTOR;
        else if (str_starts(name, STR("playbooks/")))
            file.kind = LINT_PLAYBOOK;
        else
            continue;
        set->files[set->count++] = file;
    }
}

/* The connectors inside the binary, and the named ones, which replace them: a later file counts. */
static FALLIBLE load_connectors(struct lint_set *set, struct arena *arena, struct err_info *why)
{
    struct connect_options options = { .clock = clock_system(), .rand = rand_system() };
    struct diagnostics ignored; /* the named files' faults were added by connector_check */
    size_t used = 0;
    struct connector_file *files = ARENA_ARRAY(arena, set->count + 1, struct connector_file);
    if (files == NULL)
        return err_memory(why);
    for (unsigned is_named = 0; is_named < 2; is_named++)
        for (size_t i = 0; i < set->count; i++)
            if (set->files[i].kind == LINT_CONNECTOR && set->files[i].is_builtin != (is_named == 1))
                files[used++] = (struct connector_file){ set->files[i].name, set->files[i].text };
    diagnostics_init(&ignored, arena, STR(""));
    TRY(connect_new(&options, &set->connect, why));
    TRY(connect_load(set->connect, files, used, &ignored, why));
    set->source = connect_catalogues(set->connect);
    set->catalogue = set->source->acquire(set->source);
    return ERR_OK;
}

/* Playbooks are read twice: to know them all, then to check each against all. */
static FALLIBLE read_playbooks(struct lint_set *set, struct arena *arena, struct err_info *why)
{
    struct diagnostics ignored;
    diagnostics_init(&ignored, arena, STR(""));
    for (size_t i = 0; i < set->count; i++) {
        if (set->files[i].kind != LINT_PLAYBOOK)
            continue;
        enum err result = playbook_parse(set->files[i].text, NULL, &ignored, &set->files[i].playbook, why);
        if (result != ERR_OK && result != ERR_INVALID)
            return result;
    }
    set->world = (struct playbook_world){ .catalogue = set->catalogue,
        .case_type = &subject_type_case,
        .find_playbook = find_playbook,
        .context = set };
    return subject_type_alert(arena, &set->world.alert_type, why);
}

static FALLIBLE check_one(struct lint_set *set, struct lint_file *file, struct arena *arena,
    struct diagnostics *found, struct err_info *why)
{
    struct playbook *playbook = NULL;
    if (file->kind == LINT_TEST)
        return lint_suite(set, file, arena, found, why);
    if (file->kind != LINT_PLAYBOOK)
        return ERR_OK;
    enum err result = playbook_parse(file->text, &set->world, found, &playbook, why);
    playbook_release(playbook);
    return result == ERR_INVALID ? ERR_OK : result; /* its faults are in `found` */
}

enum err lint_files(const struct file_list *files, struct arena *arena, struct diagnostics *found,
    struct lint_set *ret, struct err_info *why)
{
    bool has_broken_connector = false;
    ret->files = ARENA_ARRAY(arena, files->count + builtin_count() + 1, struct lint_file);
    if (ret->files == NULL)
        return err_memory(why);
    for (size_t i = 0; i < files->count; i++) {
        struct lint_file *file = &ret->files[ret->count];
        *file = (struct lint_file){ .name = str_of(files->paths[i]) };
        found->file = file->name;
        TRY(file_read(files->paths[i], YAML_BYTES_MAX, arena, &file->text, why));
        TRY(classify(file, found, why));
        ret->count++;
        if (file->kind == LINT_CONNECTOR)
            has_broken_connector |= !connector_check(file->text, found);
        else if (file->kind == LINT_SOURCE)
            (void)source_check(file->text, found); /* its faults are in `found` */
    }
    size_t named = ret->count;
    add_builtin(ret);
    /* With a broken connector its actions are not known, and `unknown_action` would only be noise. */
    if (!has_broken_connector)
        TRY(load_connectors(ret, arena, why));
    TRY(read_playbooks(ret, arena, why));
    if (ret->learning != NULL)
        TRY(lint_learn(ret, arena, why));
    for (size_t i = 0; i < named; i++) {
        found->file = ret->files[i].name;
        TRY(check_one(ret, &ret->files[i], arena, found, why));
    }
    return ERR_OK;
}
