// What the server refuses before Gradio hears of it: Gradio shows the answer as it came, HTTP 413: {"detail": …}, or its
// detail alone. It becomes what happened and what to do, each on its own, so that both translate.
(() => {
  const answer = /^HTTP \d+: (\{[^]*\})$/;
  // Gradio's clients look for these words
  const out = "Not authenticated";
  const sentences = (text) => {
    try {
      const { detail, hint } = text === out ? { detail: out } : JSON.parse(answer.exec(text)?.[1] ?? "{}");
      if (detail === out) return ["You are not logged in any more.", "Reload the page and log in."];
      return typeof detail === "string" ? [detail, hint ?? ""] : [];
    } catch {
      return [];
    }
  };
  // Gradio's words; it reloads the page when the server is back
  const lost = "Connection to the server was lost. Attempting reconnection...";
  const tell = () => {
    for (const message of document.querySelectorAll("[data-testid=toast-text]:not([data-told])")) {
      const said = message.textContent.trim();
      // how far the picture is, nobody knows any more
      if (said === lost) document.querySelectorAll(".gesso-bar").forEach((bar) => bar.remove());
      const told = sentences(said);
      if (!told.length) continue;
      message.dataset.told = "";
      message.replaceChildren(...told.flatMap((sentence) => [new Text(sentence), new Text(" ")]));
    }
  };
  new MutationObserver(tell).observe(document.documentElement, { childList: true, subtree: true });
})();
