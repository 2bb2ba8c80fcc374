//! How much each task instance handled, as its owner exports it: `dag_id, task_id, run_id`, with `rows`, `bytes` or both, and
//! `map_index` where tasks are mapped.

use super::{
    airflow_more::{Lookup, Tools},
    reading::Fault,
};
use crate::model::{Row, Volume};

/// Columns that are read.
pub(super) const COLUMNS: &str = "dag_id,task_id,run_id,map_index,rows,bytes";

/// Numbers beyond this are not exact any more where they were written with a point: 9 petabytes.
const MOST: f64 = 9_007_199_254_740_992.0;

pub(super) fn volume(field: &Lookup<'_, '_>, tools: &mut Tools) -> Result<Row, Fault> {
    let mut must =
        |column| tools.text(field(column), column)?.ok_or_else(|| Fault::new(format!("{column} is missing")));
    let (dag_id, task_id, run_id) = (must("dag_id")?, must("task_id")?, must("run_id")?);
    let amount = |column| {
        // Data frames write whole numbers with a point where one of them is missing.
        match field(column).float(column)? {
            Some(number) if number < 0.0 => Err(Fault::new(format!("{column} is {number}: nothing is less than none"))),
            Some(number) if number.fract() != 0.0 => Err(Fault::new(format!("{column} is no whole number: {number}"))),
            Some(number) if number >= MOST => Err(Fault::new(format!("{column} is too large: {number}"))),
            number => Ok(number.map(|number| number as i64)),
        }
    };
    let (rows, bytes) = (amount("rows")?, amount("bytes")?);
    if rows.is_none() && bytes.is_none() {
        return Err(Fault::new("neither rows nor bytes"));
    }
    let map_index = field("map_index").int32("map_index")?.unwrap_or(-1);
    Ok(Row::Volume(Volume { dag_id, run_id, task_id, map_index, rows, bytes }))
}
