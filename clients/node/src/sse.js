// Server-sent events, as far as the feed uses them: event and data.

const LONGEST = 1 << 20;

/** Yields { event, data } of a stream of bytes. Text that is not UTF-8, or has no end, is an error. */
export async function* events(chunks) {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  let event = '';
  let data = [];
  let size = 0;
  for await (const chunk of chunks) {
    rest += decoder.decode(chunk, { stream: true });
    // A carriage return at the end may be the first half of a line's end.
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    if (rest.length > LONGEST) throw new Error('a line of the stream has no end');
    for (const line of lines) {
      if (line === '') {
        if (data.length) yield { event: event || 'message', data: data.join('\n') };
        [event, data, size] = ['', [], 0];
        continue;
      }
      const [, field, value] = /^([^:]*)(?:: ?(.*))?$/.exec(line);
      if (field === 'event') event = value ?? '';
      if (field === 'data') {
        data.push(value ?? '');
        size += line.length;
        if (size > LONGEST) throw new Error('an event of the stream has no end');
      }
    }
  }
}
