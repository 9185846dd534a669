#include "engine/gate.h"

#include <sodium.h>

#include "base/json.h"
#include "base/text.h"
#include "engine/undo.h"

#define DIGEST_BYTES 32

static enum gate_word policy(
    struct turn *turn, const struct action *action, struct value with, struct str *ret_reason)
{
    struct guardrail *guardrail = turn->world->guardrail;
    if (!guardrail)
        return GATE_CALL;
    switch (guardrail->judge(guardrail, action, with, turn->run->playbook, turn->arena, ret_reason)) {
    case GUARDRAIL_ALLOW: return GATE_CALL;
    case GUARDRAIL_ASK: return GATE_ASK;
    case GUARDRAIL_REFUSE:
    default: return GATE_REFUSE;
    }
}

enum gate_word gate_judge(struct turn *turn, const struct frame *frame, const struct action *action,
    struct value with, struct str *ret_reason)
{
    const struct playbook *playbook = turn->run->playbook;
    *ret_reason = STR("");
    /* The end of a containment was allowed when the containment was. */
    if (turn->run->playbook_number == UNDO_PLAYBOOK_NUMBER)
        return GATE_CALL;
    if (turn->world->is_dry && action->kind >= ACTION_NOTIFY && !action->is_made_up)
        return GATE_SIMULATE;
    if (playbook->mode == MODE_SHADOW && action->kind >= ACTION_NOTIFY)
        return GATE_SIMULATE;
    enum gate_word word = policy(turn, action, with, ret_reason);
    if (word == GATE_CALL && playbook->mode == MODE_SUGGEST && action->kind == ACTION_CONTAIN) {
        word = GATE_ASK;
        *ret_reason = STR("the playbook suggests containments");
    }
    if (word == GATE_ASK && frame->flags & FRAME_APPROVED)
        word = GATE_CALL;
    return word;
}

enum err gate_digest(struct str action, struct str connection, struct value with, struct arena *arena,
    struct str *ret, struct err_info *why)
{
    AUTO(buf) struct buf text = { 0 };
    AUTO(buf) struct buf hex = { 0 };
    unsigned char digest[DIGEST_BYTES];
    json_print_string(&text, action);
    json_print_string(&text, connection);
    json_print(&text, with, JSON_CANONICAL);
    TRY(buf_check(&text, why));
    /* Fails only on wrong sizes. */
    (void)crypto_generichash(digest, sizeof(digest), (const unsigned char *)text.data, text.size, NULL, 0);
    hex_add(&hex, (struct str){ (const char *)digest, sizeof(digest) });
    TRY(buf_check(&hex, why));
    return arena_str(arena, buf_str(&hex), ret, why);
}
