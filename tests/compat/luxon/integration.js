const { DateTime, Duration, Interval } = require('luxon');

module.exports = async ({ payload: { url } }) => {
  const { at } = await (await fetch(`${url}/time`)).json();
  const time = DateTime.fromISO(at, { zone: 'utc' });
  return {
    iso: time.setZone('America/New_York').toISO(), berlin: time.setZone('Europe/Berlin').toFormat('yyyy LLL dd HH:mm ZZZZ'), full: time.setLocale('en-US').toLocaleString(DateTime.DATETIME_FULL).replace('\u202f', ' '), med: time.setLocale('en-GB').toLocaleString(DateTime.DATE_MED_WITH_WEEKDAY),
    sum: time.plus({ months: 1 }).endOf('month').toISODate(), parsed: DateTime.fromFormat('05 March 2026', 'dd LLLL yyyy', { zone: 'Asia/Tokyo' }).toISO(), duration: Duration.fromObject({ hours: 1, minutes: 30 }).toHuman(), interval: Interval.fromDateTimes(time, time.plus({ days: 3 })).count('days'), invalid: DateTime.fromISO('nope').invalidReason, relative: time.toRelative({ base: time.plus({ hours: 2 }) }),
  };
};
