/* The handlers that the route table names, by the file that holds them. Each sends exactly one reply. */
#ifndef TOCSIN_API_HANDLERS_H
#define TOCSIN_API_HANDLERS_H

#include "api/request.h"

/* route_system.c */
void route_health(struct request *request);
void route_ready(struct request *request);
void route_metrics(struct request *request);
void route_openapi(struct request *request);
/* route_runs.c */
void route_runs_list(struct request *request);
void route_run_show(struct request *request);
void route_run_start(struct request *request);
void route_run_cancel(struct request *request);
void route_run_retry(struct request *request);
void route_tasks_list(struct request *request);
void route_task_show(struct request *request);
void route_task_answer(struct request *request);
void route_containments_list(struct request *request);
void route_containment_undo(struct request *request);
/* route_playbooks.c */
void route_playbooks_list(struct request *request);
void route_playbook_put(struct request *request);
void route_playbook_show(struct request *request);
void route_playbook_update(struct request *request);
/* route_access.c */
void route_tokens_list(struct request *request);
void route_token_create(struct request *request);
void route_token_revoke(struct request *request);
void route_secrets_list(struct request *request);
void route_secret_set(struct request *request);
void route_secret_delete(struct request *request);
/* route_audit.c */
void route_audit_list(struct request *request);
void route_audit_events(struct request *request);
void route_audit_verify(struct request *request);
/* route_cases.c */
void route_alerts_list(struct request *request);
void route_alert_show(struct request *request);
void route_cases_list(struct request *request);
void route_case_show(struct request *request);
void route_case_open(struct request *request);
void route_case_update(struct request *request);
void route_case_close(struct request *request);
void route_case_comment(struct request *request);
void route_alert_update(struct request *request);
/* route_events.c */
void route_event_receive(struct request *request);
void route_hook_receive(struct request *request);
bool route_event_admit(struct request *request);
void route_events_end(struct api *api); /* lets go of requests that still wait; their exchanges are gone */
bool route_hook_admit(struct request *request);
void route_events_list(struct request *request);
void route_event_show(struct request *request);
/* route_sources.c */
void route_sources_list(struct request *request);
void route_source_show(struct request *request);
/* route_connect.c */
void route_connectors_list(struct request *request);
void route_connector_show(struct request *request);
void route_contracts_list(struct request *request);
void route_connections_list(struct request *request);
void route_connection_show(struct request *request);
void route_connection_test(struct request *request);
void route_connection_put(struct request *request);
void route_connection_delete(struct request *request);
/* route_policies.c */
void route_policies_list(struct request *request);
void route_policy_show(struct request *request);
void route_policy_create(struct request *request);
void route_policy_end(struct request *request);
/* stream.c */
void route_stream(struct request *request);
/* route_setup.c */
void route_setup_page(struct request *request);
void route_setup_take(struct request *request);

#endif
