#include "detect/calibration.h"

#include <math.h>
#include <string.h>

#define LEAST 1e-6F /* a highest score below this is as good as 0 */

/* unusual: first the benign scores of each step, then as many and more of the steps above. */
static void sum_up(struct calibration *calibration, size_t count)
{
    double as_high = 0;
    for (size_t step = CALIBRATION_STEPS + 1; step-- > 0;) {
        as_high += calibration->unusual[step];
        calibration->unusual[step] = (float)-log((as_high + 1) / ((double)count + 1));
    }
}

void calibration_init(struct calibration *calibration, const float *scores, size_t count)
{
    memset(calibration, 0, sizeof *calibration);
    calibration->beyond = count > 1 ? logf((float)count + 1) : 1;
    float highest = 0;
    for (size_t i = 0; i < count; i++)
        highest = scores[i] > highest ? scores[i] : highest;
    if (highest < LEAST)
        return;
    calibration->steps_per_score = CALIBRATION_STEPS / highest;
    for (size_t i = 0; i < count; i++) {
        size_t step = (size_t)(scores[i] * calibration->steps_per_score);
        calibration->unusual[step < CALIBRATION_STEPS ? step : CALIBRATION_STEPS]++;
    }
    sum_up(calibration, count);
}
