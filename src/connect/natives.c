#include "connect/native.h"

/* Adding one: its file, its line in native.h, its line here. */
const struct native_action *const native_actions[] = {
    &action_http_request,
    &action_log_write,
    &action_nftables_block_ip,
    &action_nftables_unblock_ip,
    &action_notify_email,
    &action_transform_jq,
    NULL,
};
