/* nftables.block_ip, nftables.unblock_ip: the packet filter of this very machine. */
#include <string.h>

#include "connect/answer.h"
#include "connect/connect_impl.h"
#include "connect/native.h"
#include "connect/nft_set.h"

#define TIMEOUT_S_MAX (365 * 86400)

static const struct type_field block_fields[] = {
    FIELD("ip", &type_dyn, true, "IPv4 or IPv6 address, or a network such as 203.0.113.0/24"),
    FIELD("timeout", &type_dyn, false, "span such as 24h, or a duration: the kernel ends the block then"),
    FIELD("set", &type_string, false, "name of the sets and chains; blocked when not given"),
};
static const struct type block_in = RECORD(block_fields);
static const struct type_field unblock_fields[] = {
    FIELD("ip", &type_dyn, true, "as it was blocked"),
    FIELD("set", &type_string, false, "as it was blocked"),
    FIELD("timeout", &type_dyn, false, "not used; so that what was given to block_ip fits"),
};
static const struct type unblock_in = RECORD(unblock_fields);
static const struct type_field block_out_fields[] = {
    FIELD("ip", &type_string, true, "as it stands in the set"),
    FIELD("set", &type_string, true, "the set, in table inet tocsin"),
};
static const struct type block_out = RECORD(block_out_fields);
static const struct type_field unblock_out_fields[] = {
    FIELD("ip", &type_string, true, "as it stood in the set"),
    FIELD("set", &type_string, true, "the set, in table inet tocsin"),
    FIELD("removed", &type_bool, true, "false: it was not blocked"),
};
static const struct type unblock_out = RECORD(unblock_out_fields);

struct nft_call {
    struct blocking_call blocking; /* first */
    struct nft_target target;
    struct str set;
    struct nft_rules rules;
    uint64_t timeout_s;
    bool is_removal;
};

static FALLIBLE read_timeout(struct value v, uint64_t *ret_s, struct err_info *why)
{
    int64_t us;
    *ret_s = 0;
    if (v.type == VALUE_NULL)
        return ERR_OK;
    if (!call_read_span(v, &us) || us <= 0 || us > TIMEOUT_S_MAX * US_PER_S)
        return err_named(why, ERR_INVALID, "bad_input", "`timeout` must be a span such as 24h, at most 365d");
    *ret_s = (uint64_t)((us + US_PER_S - 1) / US_PER_S);
    return ERR_OK;
}

static FALLIBLE make_output(
    const struct nft_call *nft, bool was_there, struct value *ret, struct err_info *why)
{
    struct value_map_builder output;
    struct str ip, set;
    struct arena *arena = nft->blocking.call->arena;
    value_map_begin(&output, arena);
    TRY(arena_str(arena, str_of(nft->target.text), &ip, why));
    TRY(arena_str(arena, str_of(nft->target.set), &set, why));
    TRY(value_map_set(&output, "ip", value_string(ip), why));
    TRY(value_map_set(&output, "set", value_string(set), why));
    if (nft->is_removal)
        TRY(value_map_set(&output, "removed", value_bool(was_there), why));
    *ret = value_map_end(&output);
    return ERR_OK;
}

static FALLIBLE probe(struct nft_call *nft, struct action_result *ret, struct err_info *why)
{
    bool is_blocked;
    TRY(nft_is_blocked(&nft->target, &is_blocked, why));
    if (is_blocked == nft->is_removal) {
        *ret = result_error(STR("not_done"), STR("the set does not show it"), true, ACTION_NOT_SENT);
        return ERR_OK;
    }
    *ret = (struct action_result){ .is_ok = true, .effect = ACTION_ANSWERED };
    return make_output(nft, false, &ret->output, why);
}

static FALLIBLE act(struct nft_call *nft, struct action_result *ret, struct err_info *why)
{
    bool was_there = false;
    if (!nft->is_removal)
        TRY(nft_target_check_own(&nft->target, why));
    if (nft->is_removal)
        TRY(nft_unblock(&nft->target, &was_there, why));
    else
        TRY(nft_block(&nft->target, nft->set, nft->timeout_s, why));
    *ret = (struct action_result){ .is_ok = true, .effect = ACTION_ANSWERED };
    return make_output(nft, was_there, &ret->output, why);
}

/* On a pool thread. */
static void work(struct blocking_call *blocking)
{
    struct nft_call *nft = (struct nft_call *)blocking;
    struct err_info why = { 0 };
    bool is_probe = blocking->call->purpose == ACTION_PROBE;
    pthread_mutex_lock(&blocking->connect->nftables);
    enum err result = is_probe ? probe(nft, &blocking->result, &why) : act(nft, &blocking->result, &why);
    pthread_mutex_unlock(&blocking->connect->nftables);
    /* A transaction that fails changes nothing. */
    if (result != ERR_OK)
        blocking->result = result_from_why(
            blocking->call->arena, &why, is_probe ? ACTION_UNKNOWN : ACTION_ANSWERED);
}

/* ---- what must not be blocked ---- */

static FALLIBLE add_never(
    struct nft_rules *rules, struct arena *arena, struct value settings, struct err_info *why)
{
    struct value list = value_get(settings, STR("never"));
    uint32_t count = list.type == VALUE_LIST ? list.size : 0;
    struct value_net *nets = ARENA_ARRAY(arena, rules->never_count + count + 1, struct value_net);
    if (!nets)
        return err_memory(why);
    if (rules->never_count)
        memcpy(nets, rules->never, rules->never_count * sizeof(*nets));
    for (uint32_t i = 0; i < count; i++) {
        struct nft_target never;
        if (nft_target_parse(list.items[i], STR("never"), &never, NULL) != ERR_OK)
            return err_named(why, ERR_INVALID, "connection_invalid",
                "`never` must be a list of addresses and networks: element %u is none", i);
        nets[rules->never_count + i] = never.net;
    }
    rules->never = nets;
    rules->never_count += count;
    return ERR_OK;
}

static FALLIBLE read_prefix(struct value settings, const char *name, unsigned usual, unsigned most,
    unsigned *ret, struct err_info *why)
{
    struct value given = value_get(settings, str_of(name));
    int64_t least = usual / 2;
    *ret = usual;
    if (given.type == VALUE_NULL)
        return ERR_OK;
    if (given.type != VALUE_INT || given.integer < least || given.integer > (int64_t)most)
        return err_named(
            why, ERR_INVALID, "connection_invalid", "`%s` must be %u to %u", name, usual / 2, most);
    *ret = (unsigned)given.integer;
    return ERR_OK;
}

/* A list that protects must not lose its effect because a step names another connection, or because two of
 * them make it unclear which one is meant: so `never` of all counts. */
static FALLIBLE read_rules(
    struct nft_call *nft, const struct connection_snapshot *snapshot, struct err_info *why)
{
    struct action_call *call = nft->blocking.call;
    const struct connection *chosen;
    struct value none = { .type = VALUE_MAP };
    TRY(call_find_connection(call, snapshot, STR("nftables"), false, &chosen, why));
    struct value settings = chosen ? chosen->settings : none;
    TRY(read_prefix(settings, "ipv4_prefix_min", NFT_PREFIX4_MIN_DEFAULT, 32, &nft->rules.prefix4_min, why));
    TRY(read_prefix(settings, "ipv6_prefix_min", NFT_PREFIX6_MIN_DEFAULT, 128, &nft->rules.prefix6_min, why));
    for (size_t i = 0; snapshot && i < connection_count(snapshot); i++) {
        const struct connection *one = connection_at(snapshot, i);
        if (one->tenant == call->tenant && str_equal(one->connector, STR("nftables")))
            TRY(add_never(&nft->rules, call->arena, one->settings, why));
    }
    return ERR_OK;
}

static FALLIBLE check_target(struct nft_call *nft, struct err_info *why)
{
    struct connections *connections = nft->blocking.connect->options.connections;
    struct connection_snapshot *snapshot = connections ? connections_get(connections) : NULL;
    enum err result = read_rules(nft, snapshot, why);
    if (snapshot)
        connection_snapshot_release(snapshot); /* the rules are copies */
    return result == ERR_OK ? nft_target_check(&nft->target, &nft->rules, why) : result;
}

static FALLIBLE prepare(struct nft_call *nft, struct value with, struct err_info *why)
{
    struct value set = value_get(with, STR("set"));
    nft->set = set.type == VALUE_STRING ? value_str(set) : STR("blocked");
    TRY(nft_target_parse(value_get(with, STR("ip")), nft->set, &nft->target, why));
    if (nft->is_removal)
        return ERR_OK;
    TRY(read_timeout(value_get(with, STR("timeout")), &nft->timeout_s, why));
    return check_target(nft, why);
}

static void start(struct action_call *call, bool is_removal)
{
    struct err_info why = { 0 };
    struct nft_call *nft = blocking_call_new(call, sizeof(*nft), work);
    if (!nft)
        return;
    nft->is_removal = is_removal;
    enum err result = prepare(nft, call->with, &why);
    if (result == ERR_OK)
        result = blocking_call_submit(&nft->blocking, &why);
    if (result != ERR_OK)
        call_fail_soon(call, &why);
}

static void start_block(const struct action *action, struct action_call *call)
{
    (void)action; /* known by the function */
    start(call, false);
}

static void start_unblock(const struct action *action, struct action_call *call)
{
    (void)action; /* known by the function */
    start(call, true);
}

const struct native_action action_nftables_block_ip = {
    .action = {
        .name = STR_INIT("nftables.block_ip"),
        .summary = STR_INIT("Drops what an address or network sends, in this machine's nftables"),
        .kind = ACTION_CONTAIN,
        .is_idempotent = true,
        .in = &block_in,
        .out = &block_out,
        .start = start_block,
        .has_probe = true,
        .undo = STR_INIT("nftables.unblock_ip"),
    },
    .defaults = "{\"set\":\"blocked\"}",
    .example_in = "{\"ip\":\"203.0.113.9\",\"set\":\"blocked\"}",
    .example_out = "{\"ip\":\"203.0.113.9\",\"set\":\"blocked4\"}",
};

const struct native_action action_nftables_unblock_ip = {
    .action = {
        .name = STR_INIT("nftables.unblock_ip"),
        .summary = STR_INIT("Ends what nftables.block_ip began"),
        .kind = ACTION_REMEDIATE,
        .is_idempotent = true,
        .in = &unblock_in,
        .out = &unblock_out,
        .start = start_unblock,
        .has_probe = true,
    },
    .defaults = "{\"set\":\"blocked\"}",
    .example_in = "{\"ip\":\"203.0.113.9\",\"set\":\"blocked\"}",
    .example_out = "{\"ip\":\"203.0.113.9\",\"set\":\"blocked4\",\"removed\":true}",
};
