// Play button, slider and member chooser; calls draw(frame, member) whenever the picture changes.

function player(host, steps, choices, draw) {
  const last = steps.length - 1;
  const button = element("button", {type: "button", id: "play"}, "▶ Play");
  const slider = element("input", {type: "range", id: "frame", min: 0, max: Math.max(last, 0), step: 1, "aria-label": "Training step"});
  const output = element("output", {for: "frame"});
  const chooser = element("select", {id: "member", "aria-label": "Member"});
  for (const [value, label] of choices) chooser.append(element("option", {value}, label));
  const pause = Math.min(500, Math.max(70, 6000 / steps.length));
  let frame = last, clock = 0, due = 0;

  function show() {
    slider.value = frame;
    output.textContent = "step " + steps[frame].toLocaleString("en");
    slider.setAttribute("aria-valuetext", output.textContent);
    draw(frame, Number(chooser.value));
  }
  function stop() {
    cancelAnimationFrame(clock);
    clock = 0;
    button.textContent = "▶ Play";
  }
  function tick(now) {
    if (now >= due) {
      due = now + pause;
      frame += 1;
      show();
      if (frame >= last) return stop();
    }
    clock = requestAnimationFrame(tick);
  }
  button.addEventListener("click", () => {
    if (clock) return stop();
    if (last < 1) return;
    if (frame >= last) { frame = 0; show(); }
    button.textContent = "❚❚ Pause";
    due = performance.now() + pause;
    clock = requestAnimationFrame(tick);
  });
  slider.addEventListener("input", () => { stop(); frame = Number(slider.value); show(); });
  chooser.addEventListener("change", show);
  dark.addEventListener("change", show);
  let width = host.clientWidth;
  new ResizeObserver(() => { if (host.clientWidth !== width) { width = host.clientWidth; show(); } }).observe(host);
  button.disabled = slider.disabled = last < 1;
  const controls = element("div", {class: "player"}, button, slider, output);
  if (choices.length > 1) controls.append(chooser);
  host.prepend(controls);
  show();
}

function memberChoices(film) {
  return film.members.map((member, place) => [place, member.label]);
}

function leftOut(film) {
  const parts = [];
  for (const [many, what] of [[film.left_out.steps, "saved step"], [film.left_out.members, "member"]]) {
    if (many > 0) parts.push(many + " " + what + (many === 1 ? "" : "s"));
  }
  return parts.length ? " Not shown here: " + parts.join(" and ") + "." : "";
}
