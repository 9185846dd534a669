/* `tocsin backup` and `tocsin restore`. */
#include <stdio.h>

#include "backup.h"
#include "commands.h"
#include "options.h"
#include "settings.h"

enum { BACKUP_DATA, BACKUP_WITHOUT_KEY, BACKUP_JSON };
static const struct option_spec backup_specs[] = {
    [BACKUP_DATA] = { "data", OPTION_TEXT, "DIR", "the data folder (TOCSIN_DATA; " DATA_DEFAULT ")" },
    [BACKUP_WITHOUT_KEY] = { "without-key", OPTION_FLAG, NULL,
        "leave the master key out; without it the backup's secrets can't be opened" },
    [BACKUP_JSON] = { "json", OPTION_FLAG, NULL, "print what was copied as JSON" },
    { .name = NULL },
};

enum { RESTORE_DATA, RESTORE_JSON };
static const struct option_spec restore_specs[] = {
    [RESTORE_DATA] = { "data", OPTION_TEXT, "DIR",
        "the data folder to make; must not exist (TOCSIN_DATA; " DATA_DEFAULT ")" },
    [RESTORE_JSON] = { "json", OPTION_FLAG, NULL, "print what was copied as JSON" },
    { .name = NULL },
};

static const char *data_folder(const struct option_value *given)
{
    return option_or_variable(given, "TOCSIN_DATA", DATA_DEFAULT);
}

static void print_report(const struct backup_report *report, bool is_json)
{
    unsigned long long store = report->store_bytes, count = report->blob_count, bytes = report->blob_bytes;
    if (is_json)
        printf("{\"store_bytes\":%llu,\"payloads\":%llu,\"payload_bytes\":%llu,\"master_key\":%s}\n", store,
            count, bytes, report->has_key ? "true" : "false");
    else
        printf("store: %llu bytes, payloads: %llu (%llu bytes), master key: %s\n", store, count, bytes,
            report->has_key ? "yes" : "no");
}

static int tell(enum err result, const struct err_info *why)
{
    fprintf(stderr, "tocsin: %s\n", why->text);
    return result == ERR_NOT_FOUND || result == ERR_CONFLICT ? 2 : 1;
}

int cmd_backup(int argc, char **argv)
{
    struct options options = { .usage = "tocsin backup FOLDER [--data DIR] [--without-key]",
        .summary =
            "Copies a data folder into a new one, at one moment, checked and synced; the server may go on "
            "running.\nWho has the folder has everything, secrets too: keep it as safe as the original.",
        .specs = backup_specs };
    struct backup_report report;
    struct err_info why = { 0 };
    int status = options_parse(&options, argc, argv);
    if (status != OPTIONS_GO_ON)
        return status;
    if (options.argument_count != 1)
        return options_wrong(&options, "name the folder to make");
    const char *data = data_folder(&options.values[BACKUP_DATA]);
    bool with_key = !options.values[BACKUP_WITHOUT_KEY].is_set;
    enum err result = backup_make(data, options.arguments[0], with_key, &report, &why);
    if (result != ERR_OK)
        return tell(result, &why);
    print_report(&report, options.values[BACKUP_JSON].is_set);
    return 0;
}

int cmd_restore(int argc, char **argv)
{
    struct options options = { .usage = "tocsin restore FOLDER [--data DIR]",
        .summary =
            "Makes a data folder from a backup, after checking it. `tocsin serve` then goes on from there.",
        .specs = restore_specs };
    struct backup_report report;
    struct err_info why = { 0 };
    int status = options_parse(&options, argc, argv);
    if (status != OPTIONS_GO_ON)
        return status;
    if (options.argument_count != 1)
        return options_wrong(&options, "name the backup's folder");
    const char *data = data_folder(&options.values[RESTORE_DATA]);
    enum err result = backup_restore(options.arguments[0], data, &report, &why);
    if (result != ERR_OK)
        return tell(result, &why);
    print_report(&report, options.values[RESTORE_JSON].is_set);
    if (!report.has_key)
        fputs("tocsin: the backup has no master key: put it into the data folder as master.key, or set "
              "TOCSIN_MASTER_KEY\n",
            stderr);
    return 0;
}
