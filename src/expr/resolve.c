#include "expr/resolve.h"

#include <stdio.h>
#include <string.h>

static bool append(struct qualified_name *name, struct str part)
{
    if (part.size > sizeof(name->text) - name->size)
        return false;
    memcpy(name->text + name->size, part.data, part.size);
    name->size += part.size;
    return true;
}

bool qualified_name(const struct node *node, struct qualified_name *ret)
{
    if (node->kind == NODE_NAME && node->reference == NAME_UNRESOLVED) {
        ret->size = 0;
        ret->root = node;
        return append(ret, node->name);
    }
    if (node->kind != NODE_SELECT || node->is_optional || node->is_test)
        return false;
    return qualified_name(node->children[0], ret) && append(ret, STR(".")) && append(ret, node->name);
}

const struct local *resolve_local(const struct local *scope, struct str name)
{
    while (scope != NULL && !str_equal(scope->name, name))
        scope = scope->outer;
    return scope;
}

static bool resolve_exactly(const struct expr_env *env, struct str name, struct node *node)
{
    for (uint32_t i = 0; i < env->name_count; i++) {
        if (!str_equal(env->names[i].name, name))
            continue;
        node->kind = NODE_NAME;
        node->reference = NAME_VARIABLE;
        node->slot = i;
        node->type = env->names[i].type;
        node->name = env->names[i].name;
        return true;
    }
    struct value v;
    const struct type *type;
    if (!function_constant(name, &v, &type))
        return false;
    node->kind = NODE_CONST;
    node->value = v;
    node->type = type;
    return true;
}

/* Cuts the last part off a container that is not empty. */
static void widen(struct str *container)
{
    size_t at = container->size;
    while (at > 0 && container->data[at - 1] != '.')
        at--;
    container->size = at > 0 ? at - 1 : 0;
}

bool resolve_name(const struct expr_env *env, const struct qualified_name *name, struct node *node)
{
    struct str plain = { name->text, name->size };
    struct str container = name->root->is_root ? (struct str){ NULL, 0 } : env->container;
    for (; container.size > 0; widen(&container)) {
        struct qualified_name inside = { .size = 0 };
        if (append(&inside, container) && append(&inside, STR(".")) && append(&inside, plain) &&
            resolve_exactly(env, (struct str){ inside.text, inside.size }, node))
            return true;
    }
    return resolve_exactly(env, plain, node);
}

const struct function *resolve_function(
    const struct expr_env *env, bool is_root, struct str prefix, struct str name)
{
    struct qualified_name whole = { .size = 0 };
    if (prefix.size > 0 && (!append(&whole, prefix) || !append(&whole, STR("."))))
        return NULL;
    if (!append(&whole, name))
        return NULL;
    struct str plain = { whole.text, whole.size };
    struct str container = is_root ? (struct str){ NULL, 0 } : env->container;
    for (; container.size > 0; widen(&container)) {
        struct qualified_name inside = { .size = 0 };
        const struct function *found = NULL;
        if (append(&inside, container) && append(&inside, STR(".")) && append(&inside, plain))
            found = function_find((struct str){ inside.text, inside.size });
        if (found != NULL)
            return found;
    }
    return function_find(plain);
}

void resolve_suggestion(
    const struct expr_env *env, const struct local *scope, struct str name, char *ret_text, size_t size)
{
    struct str nearest = { NULL, 0 };
    unsigned limit = name.size < 4 ? 2 : name.size < 8 ? 3 : 4; /* one more than what is near */
    for (; scope != NULL; scope = scope->outer) {
        unsigned distance = scope->name.data[0] == '@' ? limit : str_distance(scope->name, name, limit);
        if (distance < limit) {
            nearest = scope->name;
            limit = distance;
        }
    }
    for (uint32_t i = 0; i < env->name_count; i++) {
        unsigned distance = str_distance(env->names[i].name, name, limit);
        if (distance < limit) {
            nearest = env->names[i].name;
            limit = distance;
        }
    }
    struct str constant = function_nearest_constant(name, &limit);
    if (constant.data != NULL)
        nearest = constant;
    ret_text[0] = '\0';
    if (nearest.data != NULL)
        snprintf(ret_text, size, "; did you mean '%.*s'?", STR_ARG(nearest));
}
