#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "connect/connector_shape.h"
#include "ingest/source_shape.h"
#include "options.h"
#include "playbook/schema.h"
#include "suite_shape.h"

static const struct option_spec specs[] = { { .name = NULL } };

static const struct {
    const char *name;
    const struct shape *shape;
} kinds[] = {
    { "playbook", &shape_playbook },
    { "connector", &shape_connector },
    { "source", &shape_source },
    { "test", &shape_suite },
};

int cmd_schema(int argc, char **argv)
{
    struct options options = { .usage = "tocsin schema playbook|connector|source|test",
        .summary =
            "Prints the JSON Schema (draft 2020-12) of a kind of content file, for completion and checks in "
            "an editor.",
        .specs = specs };
    AUTO(buf) struct buf out = { 0 };
    int status = options_parse(&options, argc, argv);
    if (status != OPTIONS_GO_ON)
        return status;
    if (options.argument_count != 1)
        return options_wrong(&options, "name one kind of file");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].name, options.arguments[0]) != 0)
            continue;
        schema_print(&out, kinds[i].shape);
        if (buf_check(&out, NULL) != ERR_OK) {
            fprintf(stderr, "tocsin: there is not enough memory\n");
            return 2;
        }
        fwrite(out.data, 1, out.size, stdout);
        return 0;
    }
    return options_wrong(
        &options, "there is no kind '%s'; playbook, connector, source, test", options.arguments[0]);
}
