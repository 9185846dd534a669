/* An intake without playbooks: events and alerts become durable, each ends as merged, suppressed or
 * no_trigger. What `tocsin serve` uses until the engine takes the offers. */
#ifndef TOCSIN_INTAKE_STORE_H
#define TOCSIN_INTAKE_STORE_H

#include "ingest/intake.h"

/* `store` must outlive the intake. */
FALLIBLE intake_store_new(struct store *store, struct intake **ret, struct err_info *why);
void intake_store_free(struct intake *intake); /* after the last offer was answered; NULL is fine */

#endif
