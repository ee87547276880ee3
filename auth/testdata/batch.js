// batchAuthorizer makes one request of the subscriptions of a few milliseconds.
export function batchAuthorizer(endpoint, { wait = 5, headers = {}, credentials = 'same-origin' } = {}) {
  const queues = new Map() // by socket id, which is another after a reconnect

  return ({ socketId, channelName }, callback) => {
    if (!queues.has(socketId)) {
      queues.set(socketId, [])
      setTimeout(() => {
        const queue = queues.get(socketId)
        queues.delete(socketId)
        for (let i = 0; i < queue.length; i += 100) send(socketId, queue.slice(i, i + 100))
      }, wait)
    }
    queues.get(socketId).push({ channelName, callback })
  }

  async function send(socketId, queue) {
    let answer
    try {
      const response = await fetch(endpoint, {
        method: 'POST',
        credentials,
        headers: { 'Content-Type': 'application/json', ...headers },
        body: JSON.stringify({ socket_id: socketId, channel_names: queue.map((q) => q.channelName) }),
      })
      answer = { status: response.status, ...(await response.json()) }
    } catch (error) {
      answer = { message: error.message }
    }
    for (const { channelName, callback } of queue) {
      const { status, message, ...grant } = answer.channels?.[channelName] ?? answer
      if (status === 200 && grant.auth) callback(null, grant)
      else callback(new Error(`${channelName}: ${status ?? 'no answer'} ${message ?? ''}`), null)
    }
  }
}
