//! The list of cases, and what makes tests of it.

use std::pin::Pin;

use super::Fresh;
use crate::queue::{Inspect, Queue};

/// Calls another macro of this crate with its arguments and the list of cases by file.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_cases {
    ($then:ident $($arguments:tt)*) => {
        $crate::$then! {
            [$($arguments)*]
            enqueue {
                keeps_every_field
                keeps_every_cause
                keeps_keys_as_written
                answers_in_order
                accepts_an_empty_batch
                takes_an_id_once
                takes_an_id_with_a_key_once
                replaces_by_key
                replaces_by_a_reordered_key
                tells_keys_apart
                keeps_keys_of_integrations_apart
                keeps_the_pending_job
                rejects_the_new_job
                beside_makes_a_job_that_its_key_does_not_name
                beside_stays_beside_when_retried
                keep_and_reject_create_when_free
                leaves_the_running_job_alone
                ignores_dead_jobs
                makes_a_job_per_call_without_key
                refuses_too_many
                keeps_large_payloads
            }
            debounce {
                the_last_call_wins
                is_not_pushed_beyond_the_latest_time
                has_no_opening_at_the_latest_time
                begins_anew_when_it_runs
                replaces_other_jobs
                is_replaced_kept_and_cancelled_like_others
                repeats_its_answer
                changes_lanes
            }
            singleton {
                keeps_the_pending_job
                keeps_the_running_job
                keeps_it_until_its_end
                tells_jobs_apart
                holds_within_a_batch
                holds_for_calls_at_once
            }
            fifo {
                a_retry_holds_up_its_lane
                a_retry_comes_before_everything
                the_order_stays_through_retries
                the_lane_goes_on_without_it
                a_moved_retry_holds_up_its_lane
                a_retry_waits_at_a_shut_bucket
                changes_live
            }
            idempotency {
                repeats_the_first_answer
                sees_another_request
                repeats_that_it_replaced
                repeats_the_kept_job
                forgets_a_rejected_call
                outlives_the_job
                is_forgotten_after_its_time
                belongs_to_the_integration
                holds_within_a_batch
            }
            backlog {
                turns_away
                counts_pending_jobs
                changes_live
                lets_replacements_in
                turns_replacements_of_other_lanes_away
                says_first_who_is_there
                takes_an_id_once
                forgets_the_call
                takes_back
                lets_ticks_in
            }
            claim {
                waits_for_the_due_time
                hands_out_the_job
                leases_for_the_time_asked
                hands_out_once
                hands_out_once_to_many
                gives_each_claim_a_token
                takes_the_earlier_due_first
                takes_the_higher_priority_first
                takes_what_is_due_before_what_is_urgent
                takes_the_first_arrival_first
                takes_the_first_few
                takes_at_most_the_limit
                refuses_too_many
                finds_nothing_in_an_empty_queue
                says_what_is_due_next
                says_what_it_left
                does_not_wait_for_held_jobs
                survives_a_clock_that_goes_back
            }
            closes {
                starts_before_the_end
                is_closed_from_the_end_on
                gets_another_opening
                is_told_apart
                retries_have_an_opening
                moved_jobs_have_an_opening
                replayed_jobs_have_none
                asks_no_limits
                is_rescued_uncounted
                waits_while_held
            }
            buckets {
                show_what_is_in_them
                show_windows
                count_refusals_by_day
                list_those_of_a_rule
                pause_and_resume
                a_pause_holds_retries
                hold_until
                a_hold_refuses
                reset
                a_resume_wakes
                a_purge_forgets
                weigh
                keep_weights
                tell_where_a_job_stands
            }
            limiters {
                all_together_keep_the_bound
                weights_keep_the_bound
                nobody_takes_all
                refuse_what_others_used
                count_by_fields
                a_pause_means_all
                edits_keep_the_level
                a_purge_leaves_the_others
                purge_limiter
            }
            limits {
                refuses_when_full
                leases_the_refused
                tests_the_returned_again
                rescues_the_refused_uncounted
                counts_by_fields
                counts_by_several_fields
                counts_the_whole_integration
                skips_missing_fields
                refuses_missing_fields
                charges_all_or_none
                names_the_first_full_limit
                tells_equal_limits_apart
                slides
                spaces
                charges_once
                charges_a_replay
                charges_starts_only
                leaves_earlier_starts_alone
                belongs_to_the_integration
                purge_forgets_charges
                prune_keeps_charges
                refuses_too_many
            }
            delays {
                waits_for_room
                holds_up_no_other_key
                holds_up_no_other_integration
                keeps_the_order_of_the_line
                goes_before_newcomers
                goes_before_newcomers_alone
                lets_retries_pass
                cancelled_jobs_leave_the_line
                the_whole_line_is_cancelled
                replaced_jobs_leave_the_line
                rescheduled_jobs_leave_the_line
                a_purge_forgets_the_line
                shows_the_line
                a_held_line_waits
                waits_for_all_limits
                refuses_before_it_delays
                closes_in_line
                waits_for_a_place
                waits_for_a_sliding_window
                a_long_line_keeps_its_bound
                many_lines_keep_their_rates
            }
            edits {
                come_back
                keep_what_was_charged
                come_and_go
                ignore_a_pause
                raise_a_line
                lower_a_line
                free_a_line
                refuse_a_line
                divide_a_line
                wake_those_who_wait
            }
            fairness {
                a_busy_integration_does_not_starve_another
                single_claims_alternate
                older_backlog_takes_turns_too
                every_integration_has_its_turn
                a_lone_integration_gets_everything
                held_integrations_are_passed_over
                returned_jobs_keep_the_turns
            }
            lanes {
                a_busy_lane_does_not_starve_another
                jobs_without_a_lane_take_turns_too
                single_claims_alternate
                a_refilled_lane_waits_for_its_turn
                returned_jobs_keep_the_turns
                a_lone_lane_gets_everything
                lanes_share_the_turn_of_their_integration
                every_lane_has_its_turn
                keeps_the_order_within_a_lane
                limits_the_concurrency_of_each_lane
                frees_places
                rescued_jobs_keep_their_place
                changes_live
                allows_none
                both_concurrencies_hold
                does_not_wait_for_held_lanes
                a_line_leaves_the_lanes_alone
            }
            settle {
                removes
                retries
                returns
                returns_with_the_last_error
                buries
                settles_once
                refuses_an_earlier_lease
                refuses_an_invented_lease
                accepts_an_overdue_lease
                answers_in_order
                settles_once_within_a_batch
                refuses_too_many
                a_retry_takes_its_key_back
                a_returned_job_takes_its_key_back
                a_retry_leaves_its_key_to_a_newer_job
                a_later_retry_takes_the_free_key
                two_retries_share_a_key_without_conflict
            }
            extend {
                lasts_from_now
                keeps_the_job
                returns_the_lost
                revives_an_overdue_lease
                refuses_too_many
            }
            rescue {
                leaves_held_leases
                takes_over
                makes_the_old_lease_stale
                counts_on
                takes_the_longest_overdue_first
                leaves_pending_jobs
                works_while_paused
                refuses_too_many
            }
            cancel {
                by_key
                by_a_reordered_key
                by_the_whole_key_only
                frees_the_key
                leaves_running_jobs
                leaves_dead_jobs
                takes_retries_out
                stays_within_the_integration
                by_match
                by_match_of_equal_values
                by_match_of_a_job_without_its_key
                by_id
                all
                says_that_there_are_more
                all_says_that_there_are_more
            }
            reschedule {
                moves_the_due_time
                moves_to_an_earlier_time
                changes_the_window
                leaves_the_rest
                answers_in_order
                moves_retries
                refuses_too_many
            }
            fire {
                starts_without_a_cursor
                queues_and_moves
                loses_to_another_scheduler
                loses_from_a_cursor_that_is_gone
                fires_once
                moves_the_cursor_alone
                skips_while_one_is_pending
                skips_while_one_is_running
                is_idle_beside_other_jobs
                piles_up_otherwise
                revokes_running_ticks
                revokes_nothing_else
                revokes_nothing_without_ticks
                revoking_frees_places
                moves_back
                refuses_too_many
            }
            ticks {
                count_what_they_fire
                keep_apart
                know_where_each_is
                are_forgotten
                wait_for_their_own_ticks
                skip_and_revoke_their_own_ticks
                count_backfilled_ticks
                keep_a_tick_through_its_life
                put_records_into_the_outbox
                lose_with_their_records
                keep_other_records
                note_a_revision
                fire_together
            }
            control {
                comes_back
                pauses
                resumes
                leaves_paused_jobs_reachable
                leaves_running_jobs
                limits_concurrency
                frees_places
                rescued_jobs_keep_their_place
                changes_live
                allows_none
                limits_one_integration
                counts_earlier_claims
            }
            replay {
                starts_over
                waits_for_the_due_time
                leaves_the_rest
                takes_its_key_back
                leaves_its_key_to_a_newer_job
                changes_payload_and_release
                changes_nothing_of_the_rest
            }
            discard {
                forgets
                leaves_the_rest
                refuses_too_many
            }
            purge {
                forgets_everything
                leaves_the_others
                forgets_nothing
            }
            prune {
                forgets_old_dead
                keeps_the_newest
                forgets_idempotency_keys
                leaves_the_rest
                stops_at_the_limit
            }
            find {
                by_every_selector
                oldest_first
                pending_only
                refuses_too_many
                gets_nothing_unknown
            }
            list {
                of_nothing
                newest_first
                after_an_id
                before_an_id
                between_two_ids
                after_an_id_that_is_gone
                of_views
                filtered
                filtered_by_key
                gives_all_ids_at_once
                refuses_too_many
            }
            counts {
                by_integration
                of_those_with_jobs
                with_paused_jobs
                now_is_the_clock
            }
            check {
                finds_nothing_in_an_empty_queue
                finds_nothing_in_a_busy_queue
            }
            wait {
                ends_with_a_new_job
                sees_a_job_that_came_before_it
                ends_with_a_delayed_job
                ends_with_a_retry
                ends_with_a_return
                ends_with_a_move
                ends_with_a_resume
                ends_with_a_free_place
                ends_with_a_revoked_place
                ends_with_a_replay
                ends_with_a_tick
                ends_when_work_was_left
                ends_at_its_time
                ends_before_its_time
            }
            end {
                comes_with_the_end
                comes_in_any_case
            }
        }
    };
}

/// Makes a module of tests, one per case: `conformance!(name, fresh)`, where `fresh` is an `async fn() -> Fresh<Engine>`.
#[macro_export]
macro_rules! conformance {
    ($name:ident, $fresh:path) => {
        $crate::conformance_cases! { conformance_tests $name, $fresh }
    };
}

/// The tests of [`conformance!`].
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_tests {
    ([$name:ident, $fresh:path] $($verb:ident { $($case:ident)* })*) => {
        mod $name {
            $(
                mod $verb {
                    $(
                        #[tokio::test]
                        async fn $case() {
                            $crate::conformance::$verb::$case($fresh().await).await;
                        }
                    )*
                }
            )*
        }
    };
}

/// The names of the cases.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_names {
    ([] $($verb:ident { $($case:ident)* })*) => {
        &[$($((stringify!($verb), stringify!($case))),*),*]
    };
}

/// The cases as functions.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_list {
    ([] $($verb:ident { $($case:ident)* })*) => {
        &[$($( (stringify!($verb), stringify!($case), |fresh| Box::pin(super::$verb::$case(fresh))) ),*),*]
    };
}

/// Every case: its file and its name.
pub const CASES: &[(&str, &str)] = crate::conformance_cases! { conformance_names };

/// A case's name, and the case: boxed, as all of them in one future are more than a thread's stack holds.
type Case<Q> = (&'static str, &'static str, fn(Fresh<Q>) -> Pin<Box<dyn Future<Output = ()>>>);

/// Runs every case on an engine of its own; says which one on stderr before it starts.
pub async fn run_all<Q: Queue + Inspect>(fresh: impl AsyncFn() -> Fresh<Q>) {
    let cases: &[Case<Q>] = crate::conformance_cases! { conformance_list };
    for (verb, case, run) in cases {
        eprintln!("conformance: {verb}::{case}");
        run(fresh().await).await;
    }
}
