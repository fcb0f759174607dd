/** All flashes of the page run on one clock: an animation that starts joins the others. */
export function synchroniseFlashes(): () => void {
  const join = (event: AnimationEvent): void => {
    if (!event.animationName.includes("flash-") || !(event.target instanceof Element)) return;
    for (const animation of event.target.getAnimations()) animation.startTime = 0;
  };
  document.addEventListener("animationstart", join);
  return () => {
    document.removeEventListener("animationstart", join);
  };
}
