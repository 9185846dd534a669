#include "engine/effect.h"

#include "base/buf.h"
#include "base/pack.h"
#include "engine/registry.h"

void effect_list_init(struct effect_list *list, struct arena *arena)
{
    *list = (struct effect_list){ .arena = arena };
    list->end = &list->first;
}

struct effect *effect_add(struct effect_list *list, enum effect_kind kind, uint32_t frame)
{
    struct effect *effect = ARENA_NEW(list->arena, struct effect);
    if (!effect)
        return NULL;
    effect->kind = kind;
    effect->frame = frame;
    *list->end = effect;
    list->end = &effect->next;
    return effect;
}

bool effect_take_back(struct effect_list *list, enum effect_kind kind, uint32_t frame)
{
    for (struct effect *effect = list->first; effect; effect = effect->next) {
        if (effect->kind == kind && effect->frame == frame) {
            effect->kind = EFFECT_NONE;
            return true;
        }
    }
    return false;
}

bool effect_list_has(const struct effect_list *list, enum effect_kind kind)
{
    for (const struct effect *effect = list->first; effect; effect = effect->next) {
        if (effect->kind == kind)
            return true;
    }
    return false;
}

void effect_list_done(struct effect_list *list)
{
    for (struct effect *effect = list->first; effect; effect = effect->next) {
        playbook_version_release(effect->version);
        effect->version = NULL;
    }
}

enum err effect_pack(struct arena *arena, struct value v, struct str *ret, struct err_info *why)
{
    AUTO(buf) struct buf buf = { 0 };
    pack_value(&buf, v);
    TRY(buf_check(&buf, why));
    return arena_str(arena, buf_str(&buf), ret, why);
}
