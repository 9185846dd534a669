/* Which connectors and sources of a folder are in force: those without a fault as they stand; a faulty one as
 * it was before it had its fault, or not at all. So a fault in one file leaves the others alone. */
#ifndef TOCSIN_CONTENT_SOUND_H
#define TOCSIN_CONTENT_SOUND_H

#include "content.h"

/* `{ 0 }` is good: nothing is in force. One thread at a time. */
struct content_sound {
    struct arena arena; /* holds the rest */
    struct content_file *files;
    size_t count;
};

/* Looks at the folders' files in `content`. Of a faulty one the faults go to `found`, and the file either
 * gets the text that was in force (`state` CONTENT_AS_BEFORE; good until the next call) or is
 * CONTENT_LEFT_OUT with the kind CONTENT_OTHER. ERR_MEMORY: what was in force stays so. */
FALLIBLE content_sound_sift(
    struct content_sound *sound, struct content *content, struct diagnostics *found, struct err_info *why);
void content_sound_done(struct content_sound *sound);

#endif
