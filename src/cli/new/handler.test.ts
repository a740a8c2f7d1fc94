import { test, assert, run } from "tidegate:test";

// `run` calls the handler as a real run does; what it does not name is that of sample.json.
test("greets by name", async () => {
  assert.deepEqual(await run({ payload: { name: "Ada" } }), { greeting: "Hello, Ada!" });
});
