/* Content: connectors, sources and playbooks as files. The binary has a folder of them inside; `--content`
 * folders add to it and may stand in for what is built in. What a file is its first key says
 * (`connector:`, `source:`, `playbook:`); tests (`*.test.yaml`) are left out. */
#ifndef TOCSIN_CONTENT_H
#define TOCSIN_CONTENT_H

#include "connect/connect.h"
#include "engine/engine.h"
#include "ingest/ingest.h"

enum content_kind { CONTENT_CONNECTOR, CONTENT_SOURCE, CONTENT_PLAYBOOK, CONTENT_OTHER };

enum content_state {
    CONTENT_AS_IS,
    CONTENT_AS_BEFORE, /* it has faults; the text is the one that had none */
    CONTENT_LEFT_OUT, /* it has faults */
};

struct content_file {
    enum content_kind kind;
    enum content_state state;
    bool is_builtin;
    struct str name; /* for messages: "content/sources/wazuh.yaml", or the path */
    struct str text;
};

struct content {
    struct content_file *files; /* built-in ones first, each group by name */
    size_t count;
};

/* Everything in `arena`. ERR_NOT_FOUND for a missing folder, ERR_LIMIT, ERR_IO. */
FALLIBLE content_read(struct arena *arena, const char *const *folders, size_t folder_count,
    struct content *ret, struct err_info *why);
/* Changes when a file of the folders is added, removed or written; 0 when a folder can't be read. */
uint64_t content_stamp(const char *const *folders, size_t folder_count);

/* The name in a playbook's text; empty when it can't be read. Borrowed from the arena. */
struct str playbook_text_name(struct arena *arena, struct str text);

/* The sources among them, for who reads them without a server; in `arena`. */
FALLIBLE content_source_files(const struct content *content, struct arena *arena,
    struct source_file **ret_files, size_t *ret_count, struct err_info *why);

/* Each adds its faults to `found`; ERR_INVALID when there were errors, then what stood before stays. */
FALLIBLE content_load_connectors(
    const struct content *content, struct connect *connect, struct diagnostics *found, struct err_info *why);
FALLIBLE content_load_sources(
    const struct content *content, struct ingest *ingest, struct diagnostics *found, struct err_info *why);
/* Built-in playbooks become known, but are off until somebody enables them; one that was published under the
 * same name and is in use stays. A folder's playbook is live; whether an unchanged one is enabled stays as it
 * is. A playbook with errors is left out, the others are published: `*ret_failed` counts. Blocking. */
FALLIBLE content_publish(const struct content *content, struct engine *engine, struct diagnostics *found,
    size_t *ret_failed, struct err_info *why);

#endif
