//! The columns of each table, in the order in which a freshly made database of 1.10.15, 2.10.5 and 3.3.2 has them.

pub(super) const TRIES: [&str; 3] = [
    "task_id,dag_id,execution_date,start_date,end_date,duration,state,try_number,hostname,unixname,job_id,pool,queue,priority_weight,operator,queued_dttm,pid,max_tries,executor_config,pool_slots",
    "task_id,dag_id,run_id,map_index,start_date,end_date,duration,state,try_number,max_tries,hostname,unixname,job_id,pool,pool_slots,queue,priority_weight,operator,custom_operator_name,queued_dttm,queued_by_job_id,pid,executor,executor_config,updated_at,rendered_map_index,external_executor_id,trigger_id,trigger_timeout,next_method,next_kwargs,task_display_name",
    "id,task_id,dag_id,run_id,map_index,start_date,end_date,duration,state,try_number,max_tries,hostname,unixname,pool,pool_slots,queue,priority_weight,operator,custom_operator_name,queued_dttm,scheduled_dttm,queued_by_job_id,last_heartbeat_at,pid,executor,executor_config,updated_at,rendered_map_index,context_carrier,span_status,external_executor_id,trigger_id,trigger_timeout,next_method,next_kwargs,task_display_name,dag_version_id,retry_delay_override,retry_reason",
];
pub(super) const PAST: [&str; 2] = [
    "id,task_id,dag_id,run_id,map_index,try_number,start_date,end_date,duration,state,max_tries,hostname,unixname,job_id,pool,pool_slots,queue,priority_weight,operator,custom_operator_name,queued_dttm,queued_by_job_id,pid,executor,executor_config,updated_at,rendered_map_index,external_executor_id,trigger_id,trigger_timeout,next_method,next_kwargs,task_display_name",
    "task_instance_id,task_id,dag_id,run_id,map_index,try_number,start_date,end_date,duration,state,max_tries,hostname,unixname,pool,pool_slots,queue,priority_weight,operator,custom_operator_name,queued_dttm,scheduled_dttm,queued_by_job_id,pid,executor,executor_config,updated_at,rendered_map_index,context_carrier,span_status,external_executor_id,trigger_id,trigger_timeout,next_method,next_kwargs,task_display_name,dag_version_id,retry_delay_override,retry_reason",
];
pub(super) const RUNS: [&str; 3] = [
    "id,dag_id,execution_date,state,run_id,external_trigger,conf,end_date,start_date",
    "id,dag_id,queued_at,execution_date,start_date,end_date,state,run_id,creating_job_id,external_trigger,run_type,conf,data_interval_start,data_interval_end,last_scheduling_decision,dag_hash,log_template_id,updated_at,clear_number",
    "id,dag_id,queued_at,logical_date,start_date,end_date,state,run_id,creating_job_id,run_type,triggered_by,triggering_user_name,conf,data_interval_start,data_interval_end,run_after,last_scheduling_decision,log_template_id,created_at,updated_at,clear_number,backfill_id,bundle_version,scheduled_by_job_id,context_carrier,span_status,created_dag_version_id,partition_key,partition_date",
];
pub(super) const FAILS: [&str; 2] = [
    "id,task_id,dag_id,execution_date,start_date,end_date,duration",
    "id,task_id,dag_id,run_id,map_index,start_date,end_date,duration",
];
pub(super) const POKES: [&str; 3] = [
    "id,task_id,dag_id,execution_date,try_number,start_date,end_date,duration,reschedule_date",
    "id,task_id,dag_id,run_id,map_index,try_number,start_date,end_date,duration,reschedule_date",
    "id,ti_id,start_date,end_date,duration,reschedule_date",
];
