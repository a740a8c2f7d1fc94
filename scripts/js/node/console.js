// console as a module.
(function () {
  function Console() { return console; }
  return Object.assign(console, { Console });
})
