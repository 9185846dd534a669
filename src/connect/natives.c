#include "connect/native.h"

/* Adding one: its file, its line in native.h, its line here. */
const struct native_action *const native_actions[] = {
    &action_alert_close,
    &action_alert_comment,
    &action_alert_tag,
    &action_alert_update,
    &action_case_add_alert,
    &action_case_add_observable,
    &action_case_close,
    &action_case_comment,
    &action_case_open,
    &action_case_update,
    &action_http_request,
    &action_log_write,
    &action_nftables_block_ip,
    &action_nftables_unblock_ip,
    &action_notify_email,
    &action_transform_jq,
    NULL,
};
