// The entry `@tidegate/client`: a client, its errors, and the shapes of its calls.
export { createClient } from './client.js'
export { TidegateError } from './error.js'
export type {
  Accepted, CallOptions, Cancelled, Client, ClientOptions, ExecuteOptions, Integration, Json, Key, RescheduleOptions,
  Rescheduled, ScheduleOptions, Scheduled, Target, Window
} from './shapes.js'
