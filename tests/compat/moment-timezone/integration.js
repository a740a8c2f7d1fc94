const moment = require('moment-timezone');

module.exports = async ({ payload: { url } }) => {
  const { at } = await (await fetch(`${url}/time`)).json();
  return {
    zones: ['America/New_York', 'Europe/Berlin', 'Asia/Kolkata'].map((zone) => moment.utc(at).tz(zone).format('YYYY-MM-DD HH:mm z Z')),
    parsed: moment.tz('2026-07-01 12:00', 'Europe/London').utc().format(), guess: typeof moment.tz.guess(), names: moment.tz.names().length > 400, gap: moment.tz('2026-03-29 02:30', 'Europe/Berlin').format(),
  };
};
