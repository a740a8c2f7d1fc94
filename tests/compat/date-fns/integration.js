const { addBusinessDays, differenceInCalendarDays, eachDayOfInterval, format, formatDistance, formatISO, parse, parseISO } = require('date-fns');
const { de } = require('date-fns/locale');

module.exports = async ({ payload: { url } }) => {
  const { at } = await (await fetch(`${url}/time`)).json();
  const time = parseISO(at);
  return {
    formats: [format(time, 'yyyy-MM-dd HH:mm'), format(time, 'PPPP', { locale: de }), formatISO(time, { representation: 'date' })], business: formatISO(addBusinessDays(time, 3), { representation: 'date' }),
    days: differenceInCalendarDays(time, new Date(2026, 0, 1)), each: eachDayOfInterval({ start: time, end: addBusinessDays(time, 1) }).length, distance: formatDistance(time, new Date(time.getTime() + 7200000), { addSuffix: true }), parsed: parse('05/03/2026', 'dd/MM/yyyy', new Date(0)).getTime(),
  };
};
