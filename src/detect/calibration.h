/*
 * How unusual a score is among benign ones: -ln of the share of them that are as high, so that the
 * scores of different detectors can be compared. A table of equal steps up to the highest benign
 * score makes that O(1); beyond it the result goes on in proportion. Private to the detect room.
 */
#ifndef SKINK_DETECT_CALIBRATION_H
#define SKINK_DETECT_CALIBRATION_H

#include <stddef.h>

#define CALIBRATION_STEPS 4096

struct calibration {
    float steps_per_score;                /* 0: no benign score was above 0 */
    float beyond;                         /* how unusual a score just above all benign ones is */
    float unusual[CALIBRATION_STEPS + 1]; /* a score of each step */
};

/* From benign scores, none below 0. Without any, every score above 0 is unusual. */
void calibration_init(struct calibration *calibration, const float *scores, size_t count);

static inline float calibration_of(const struct calibration *calibration, float score)
{
    if (score <= 0)
        return 0;
    if (calibration->steps_per_score == 0)
        return calibration->beyond * (1 + score);
    float step = score * calibration->steps_per_score;
    if (step > CALIBRATION_STEPS)
        return calibration->beyond * step / CALIBRATION_STEPS;
    return calibration->unusual[(size_t)step];
}

#endif
