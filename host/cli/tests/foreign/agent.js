// An agent as somebody writes it in JavaScript: it asks the web with `fetch`, and knows
// neither a grant nor a credential.

const anything = 'true';

export const agent = {
  profile() {
    return {
      name: 'fetcher',
      version: '1.0.0',
      summary: 'Asks the web with fetch.',
      inputSchema: anything,
      outputSchema: anything,
    };
  },

  async perform(task) {
    const { url, method, body } = JSON.parse(task.input);
    try {
      const answer = await fetch(url, { method, body });
      const headers = Object.fromEntries(answer.headers);
      return JSON.stringify({ status: answer.status, headers, body: await answer.text() });
    } catch (error) {
      return JSON.stringify({ failed: error.name });
    }
  },
};
