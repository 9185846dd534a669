#include "content_sound.h"

static const struct content_file *find(const struct content_sound *sound, struct str name)
{
    for (size_t i = 0; i < sound->count; i++)
        if (str_equal(sound->files[i].name, name))
            return &sound->files[i];
    return NULL;
}

/* What is no YAML counts as a playbook, unless it was something else before. */
static enum content_kind kind_of(const struct content_file *file, const struct content_file *before)
{
    AUTO(arena) struct arena arena = { 0 };
    bool is_nameless = file->kind == CONTENT_PLAYBOOK && before != NULL &&
        playbook_text_name(&arena, file->text).size == 0;
    return is_nameless ? before->kind : file->kind;
}

static bool is_sound(enum content_kind kind, const struct content_file *file, struct diagnostics *found)
{
    found->file = file->name;
    return kind == CONTENT_CONNECTOR ? connector_check(file->text, found) : source_check(file->text, found);
}

static FALLIBLE keep(struct content_sound *next, const struct content_file *file, struct err_info *why)
{
    struct content_file *kept = &next->files[next->count];
    *kept = (struct content_file){ .kind = file->kind };
    TRY(arena_str(&next->arena, file->name, &kept->name, why));
    TRY(arena_str(&next->arena, file->text, &kept->text, why));
    next->count++;
    return ERR_OK;
}

static FALLIBLE sift_one(const struct content_sound *sound, struct content_sound *next,
    struct content_file *file, struct diagnostics *found, struct err_info *why)
{
    const struct content_file *before = find(sound, file->name);
    enum content_kind kind = kind_of(file, before);
    if (file->is_builtin || (kind != CONTENT_CONNECTOR && kind != CONTENT_SOURCE))
        return ERR_OK;
    if (is_sound(kind, file, found))
        return keep(next, file, why);
    if (found->is_out_of_memory) /* then nobody knows whether the file has a fault */
        return err_memory(why);
    if (before == NULL) {
        file->kind = CONTENT_OTHER;
        file->state = CONTENT_LEFT_OUT;
        return ERR_OK;
    }
    TRY(keep(next, before, why));
    file->kind = before->kind;
    file->text = next->files[next->count - 1].text;
    file->state = CONTENT_AS_BEFORE;
    return ERR_OK;
}

enum err content_sound_sift(
    struct content_sound *sound, struct content *content, struct diagnostics *found, struct err_info *why)
{
    struct content_sound next = { 0 };
    next.files = ARENA_ARRAY(&next.arena, content->count + 1, struct content_file);
    enum err result = next.files != NULL ? ERR_OK : err_memory(why);
    for (size_t i = 0; i < content->count && result == ERR_OK; i++)
        result = sift_one(sound, &next, &content->files[i], found, why);
    if (result != ERR_OK) {
        content_sound_done(&next);
        return result;
    }
    content_sound_done(sound);
    *sound = next;
    return ERR_OK;
}

void content_sound_done(struct content_sound *sound)
{
    arena_done(&sound->arena);
    *sound = (struct content_sound){ 0 };
}
