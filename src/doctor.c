#include "doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "server.h"
#include "store/store_copy.h"

void doctor_add(struct doctor *doctor, enum finding_level level, const char *name, const char *mend,
    const char *format, ...)
{
    char text[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    doctor->count++;
    doctor->warnings += level == FINDING_WARN;
    doctor->failures += level == FINDING_FAIL;
    struct finding *finding = ARENA_NEW(doctor->arena, struct finding);
    if (finding == NULL || arena_str(doctor->arena, str_of(text), &finding->text, NULL) != ERR_OK)
        return;
    finding->level = level;
    finding->name = name;
    finding->mend = str_of(mend);
    if (doctor->last == NULL)
        doctor->first = finding;
    else
        doctor->last->next = finding;
    doctor->last = finding;
}

/* ---- the data folder ---- */

static void check_modes(struct doctor *doctor)
{
    struct stat folder, key;
    struct str path;
    if (stat(doctor->data, &folder) != 0) {
        doctor_add(doctor, FINDING_OK, "data-folder", NULL, "%s is not there yet; the first start makes it",
            doctor->data);
        return;
    }
    if (folder.st_mode & 077)
        doctor_add(doctor, FINDING_WARN, "data-folder", "chmod 700 it", "%s is open to others (mode %o)",
            doctor->data, folder.st_mode & 0777);
    else
        doctor_add(doctor, FINDING_OK, "data-folder", NULL, "%s is nobody else's", doctor->data);
    if (arena_printf(doctor->arena, &path, NULL, "%s/master.key", doctor->data) != ERR_OK ||
        stat(path.data, &key) != 0)
        return;
    if (key.st_mode & 077)
        doctor_add(doctor, FINDING_FAIL, "master-key",
            "chmod 600 it; if others may have read it, change every secret",
            "%s can be read by others (mode %o)", path.data, key.st_mode & 0777);
    else
        doctor_add(doctor, FINDING_OK, "master-key", NULL, "%s is nobody else's", path.data);
}

void doctor_store(struct doctor *doctor)
{
    struct err_info why = { 0 };
    struct str path;
    check_modes(doctor);
    if (arena_printf(doctor->arena, &path, &why, "%s/tocsin.db", doctor->data) != ERR_OK)
        return;
    enum err result = store_file_check(path.data, server_migrations, &why);
    if (result == ERR_OK)
        doctor_add(doctor, FINDING_OK, "store", NULL, "%s is sound", path.data);
    else if (result == ERR_NOT_FOUND)
        doctor_add(doctor, FINDING_OK, "store", NULL, "%s is not there yet", path.data);
    else
        doctor_add(doctor, FINDING_FAIL, "store",
            why.name && str_equal(str_of(why.name), STR("store_damaged"))
                ? "stop the server, keep the damaged folder, restore the last backup"
                : NULL,
            "%s", why.text);
}
