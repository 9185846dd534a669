/* The content inside the binary and in the folders that were named: does it load, are its playbooks good. */
#include "doctor.h"
#include "ingest/subject_type.h"
#include "library.h"

static void tell_first(struct doctor *doctor, const struct diagnostics *found, enum finding_level level)
{
    for (uint32_t i = 0; i < found->count; i++) {
        const struct diagnostic *item = &found->items[i];
        if (level == FINDING_FAIL && item->level != DIAGNOSTIC_ERROR)
            continue;
        doctor_add(doctor, level, "content", "`tocsin lint` tells all of it", "%.*s:%u:%u: %.*s [%s]",
            STR_ARG(item->file), item->line, item->column, STR_ARG(item->text), item->code);
        return;
    }
}

static void check_playbooks(struct doctor *doctor, struct library *library, struct diagnostics *found)
{
    struct catalogue_source *source = connect_catalogues(library->connect);
    const struct catalogue *catalogue = source->acquire(source);
    struct playbook_world world = {
        .catalogue = catalogue, .alert_type = library->alert_type, .case_type = &subject_type_case
    };
    size_t counts[CONTENT_OTHER + 1] = { 0 };
    for (size_t i = 0; i < library->content.count; i++) {
        const struct content_file *file = &library->content.files[i];
        struct playbook *playbook = NULL;
        counts[file->kind]++;
        if (file->kind != CONTENT_PLAYBOOK)
            continue;
        found->file = file->name;
        if (playbook_parse(file->text, &world, found, &playbook, NULL) == ERR_OK)
            playbook_release(playbook);
    }
    source->release(source, catalogue);
    if (found->error_count > 0)
        tell_first(doctor, found, FINDING_FAIL);
    else if (found->count > 0)
        tell_first(doctor, found, FINDING_WARN);
    else
        doctor_add(doctor, FINDING_OK, "content", NULL, "%zu connectors, %zu sources, %zu playbooks are good",
            counts[CONTENT_CONNECTOR], counts[CONTENT_SOURCE], counts[CONTENT_PLAYBOOK]);
}

void doctor_content(struct doctor *doctor)
{
    AUTO(library) struct library library = { 0 };
    const struct library_options options = { .folders = doctor->folders,
        .folder_count = doctor->folder_count };
    struct diagnostics found;
    struct err_info why = { 0 };
    diagnostics_init(&found, doctor->arena, STR("content"));
    enum err result = library_open(&options, &found, &library, &why);
    if (result == ERR_OK)
        check_playbooks(doctor, &library, &found);
    else if (found.error_count > 0)
        tell_first(doctor, &found, FINDING_FAIL);
    else
        doctor_add(doctor, FINDING_FAIL, "content", NULL, "%s", why.text);
}
