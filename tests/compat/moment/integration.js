const moment = require('moment');
require('moment/locale/de');

module.exports = async ({ payload: { url } }) => {
  const { at } = await (await fetch(`${url}/time`)).json();
  const time = moment.utc(at);
  return {
    formats: [time.locale('en').format(), time.format('dddd, MMMM Do YYYY, h:mm:ss a'), time.clone().locale('de').format('LLLL'), time.format('[W]W')],
    sums: [time.clone().add(1, 'month').toISOString(), time.clone().startOf('week').toISOString(), time.diff(moment.utc('2026-01-01'), 'days')],
    ago: moment.utc(at).from(moment.utc(at).add(3, 'hours')), valid: moment('nope', 'YYYY', true).isValid(), duration: moment.duration(90, 'minutes').humanize(), offset: moment.parseZone('2026-01-01T10:00:00+05:00').format(),
  };
};
