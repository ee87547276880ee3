// Runs batch.js against the endpoint in argv[2] and prints what each callback
// got, as pusher-js would.
import { batchAuthorizer } from './batch.mjs'

const [, , endpoint, ...rounds] = process.argv
const authorize = batchAuthorizer(endpoint, { wait: 5, headers: { 'X-User': '7' } })
const results = []
for (const round of rounds) {
  const names = JSON.parse(round)
  await Promise.all(
    names.map(
      ([socketId, channelName]) =>
        new Promise((resolve) => {
          authorize({ socketId, channelName }, (error, grant) => {
            results.push({ socketId, channelName, error: error?.message ?? null, grant })
            resolve()
          })
        }),
    ),
  )
}
console.log(JSON.stringify(results))
