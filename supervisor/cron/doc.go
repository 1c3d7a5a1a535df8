// Package cron makes schedules of cron expressions, for RestartPolicy.Schedule of package supervisor or anything else that wants to know what
// time comes next.
//
// # Expressions
//
// An expression has five fields: minute (0-59), hour (0-23), day of the month (1-31), month (1-12 or jan-dec) and day of the week (0-7 or sun-sat;
// 0 and 7 are Sunday). A field is a list, separated by commas, of numbers and ranges. A range is a-b, which may go past the last number and on
// from the first (22-2, fri-mon), or * for all; a step keeps each n-th number of a range (*/15, 8-18/2), and of those from a number on (5/15).
// In the two day fields, ? is the same as *. Case does not matter.
//
//	*/5 * * * *       every five minutes
//	30 2 * * *        at 2:30
//	0 9-17 * * mon-fri
//	0 0 1,15 * *      on the first and the fifteenth of each month
//
// As crontab(5) has it, a day must match both day fields if one of them begins with *, and else at least one of them: "0 0 13 * fri" is each 13th and
// each Friday, "0 0 1-7 * */7" the first Sunday of each month.
//
// In place of the fields there may be @hourly, @daily or @midnight, @weekly (Sunday), @monthly, @yearly or @annually.
//
// # Time zones and daylight saving time
//
// A schedule is read on a clock in its time zone. When such a clock is put forward, it skips some readings; when it is put back, it shows
// some twice. An expression that allows every hour is about time that passes: it has no time for readings that are skipped, and one each
// for readings that come twice, so "*/5 * * * *" goes on every five minutes. Any other expression is about the time of the day: readings
// that are skipped come, together, in the moment in which the clock is put forward, and of those that come twice the first one counts. So
// "30 2 * * *" has one time each day.
package cron
