const dayjs = require('dayjs');
const utc = require('dayjs/plugin/utc');
const timezone = require('dayjs/plugin/timezone');
const relative = require('dayjs/plugin/relativeTime');

dayjs.extend(utc);
dayjs.extend(timezone);
dayjs.extend(relative);

module.exports = async ({ payload: { url } }) => {
  const { at } = await (await fetch(`${url}/time`)).json();
  const time = dayjs.utc(at);
  return {
    formats: [time.format(), time.format('dddd D MMM YYYY')], zones: ['America/New_York', 'Europe/Berlin', 'Australia/Adelaide'].map((zone) => time.tz(zone).format('YYYY-MM-DD HH:mm Z')),
    parsed: dayjs.tz('2026-07-01 12:00', 'America/Los_Angeles').toISOString(), sum: time.add(2, 'week').endOf('month').toISOString(), ago: time.from(time.add(5, 'day')), diff: time.diff('2026-01-01', 'hour'),
  };
};
