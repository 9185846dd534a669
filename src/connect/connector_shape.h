/* The keys of a connector's file (playbook/shape.h): its reader's and its JSON Schema's. Their order is that
 * of the enums in the readers. */
#ifndef TOCSIN_CONNECT_CONNECTOR_SHAPE_H
#define TOCSIN_CONNECT_CONNECTOR_SHAPE_H

#include "playbook/shape.h"

enum { SETTING_DEFAULT = 6, SETTING_EXAMPLE = 10 }; /* in shape_setting */

extern const struct shape shape_connector, shape_setting, shape_auth, shape_rate_limit, shape_breaker,
    shape_connector_test, shape_action, shape_action_field, shape_request, shape_error_rule, shape_paging,
    shape_paging_number, shape_probe, shape_undo, shape_example, shape_example_request, shape_example_answer,
    shape_example_error;

#endif
